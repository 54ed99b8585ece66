/* Name lookups for tests, to be preloaded. With UNKNOWN_HOSTS set, no host is known. With LOOKUP_ADDRESSES set, every
 * host has these IPv4 addresses, separated by commas, unless the file LOOKUP_FAILS_WHILE exists. Otherwise a lookup never
 * returns. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found) {
    (void)host; (void)port; (void)hints;
    if (getenv("UNKNOWN_HOSTS")) return EAI_NONAME;
    const char *addresses = getenv("LOOKUP_ADDRESSES");
    while (!addresses) pause();
    const char *fails = getenv("LOOKUP_FAILS_WHILE");
    if (fails && access(fails, F_OK) == 0) return EAI_AGAIN;
    struct addrinfo **next = found;
    char *copy = strdup(addresses), *rest = copy, *text;
    while ((text = strsep(&rest, ","))) {
        struct addrinfo *info = calloc(1, sizeof *info);
        struct sockaddr_in *address = calloc(1, sizeof *address);
        address->sin_family = AF_INET;
        inet_pton(AF_INET, text, &address->sin_addr);
        info->ai_family = AF_INET;
        info->ai_socktype = SOCK_STREAM;
        info->ai_addrlen = sizeof *address;
        info->ai_addr = (struct sockaddr *)address;
        *next = info;
        next = &info->ai_next;
    }
    *next = NULL;
    free(copy);
    return 0;
}

void freeaddrinfo(struct addrinfo *info) {
    while (info) {
        struct addrinfo *next = info->ai_next;
        free(info->ai_addr);
        free(info);
        info = next;
    }
}
