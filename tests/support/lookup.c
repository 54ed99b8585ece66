/* A lookup that never answers, to be preloaded. */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
    (void)host; (void)port; (void)hints; (void)found;
    for (;;) pause();
}
