/* A name lookup that never returns, or with UNKNOWN_HOSTS set one that knows no host. To be preloaded. */
#include <netdb.h>
#include <stdlib.h>
#include <unistd.h>

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
    (void)host; (void)port; (void)hints; (void)found;
    if (getenv("UNKNOWN_HOSTS")) return EAI_NONAME;
    for (;;) pause();
}
