#include "bridge/discover/range.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct range private_ranges[] = {
    {0x0A000000, 0x0AFFFFFF}, /* 10.0.0.0/8     */
    {0xAC100000, 0xAC1FFFFF}, /* 172.16.0.0/12  */
    {0xC0A80000, 0xC0A8FFFF}, /* 192.168.0.0/16 */
    {0xA9FE0000, 0xA9FEFFFF}, /* 169.254.0.0/16 */
    {0x7F000000, 0x7FFFFFFF}, /* 127.0.0.0/8    */
};

static bool are_private(uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < sizeof private_ranges / sizeof private_ranges[0]; i++) {
        if (first >= private_ranges[i].first && last <= private_ranges[i].last) {
            return true;
        }
    }
    return false;
}

bool address_is_private(uint32_t address)
{
    return are_private(address, address);
}

bool address_is_loopback(uint32_t address)
{
    return address >> 24 == 127;
}

void address_print(uint32_t address, char text[ADDRESS_TEXT_MAX])
{
    (void)snprintf(text, ADDRESS_TEXT_MAX, "%u.%u.%u.%u", (unsigned)(address >> 24),
                   (unsigned)(address >> 16 & 255), (unsigned)(address >> 8 & 255),
                   (unsigned)(address & 255));
}

/* "24" as 24; -1 for anything but 0 to 32. */
static int read_prefix(const char *text)
{
    const size_t len = strlen(text);
    if (len == 0 || len > 2 || strspn(text, "0123456789") != len) {
        return -1;
    }
    const int prefix = (int)strtol(text, NULL, 10);
    return prefix <= 32 ? prefix : -1;
}

bool range_parse(const char *text, struct range *range, struct hb_err *err)
{
    char host[ADDRESS_TEXT_MAX];
    struct in_addr address;
    const size_t len = strcspn(text, "/");
    const int prefix = text[len] == '\0' ? 32 : read_prefix(text + len + 1);
    (void)snprintf(host, sizeof host, "%.*s", (int)(len < sizeof host ? len : 0), text);
    if (prefix < 0 || inet_pton(AF_INET, host, &address) != 1) {
        return hb_fail(err, HB_ERR_USAGE,
                       "expected a network such as 192.168.1.0/24 or an address, got '%s'", text);
    }
    const uint32_t mask = prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
    range->first = ntohl(address.s_addr) & mask;
    range->last = range->first | ~mask;
    if (!are_private(range->first, range->last)) {
        return hb_fail(err, HB_ERR_USAGE, "only private networks are scanned, and '%s' is not one",
                       text);
    }
    if (range_count(range) > RANGE_TOTAL_MAX) {
        return hb_fail(err, HB_ERR_USAGE,
                       "at most %d addresses (a /20) are scanned, and '%s' has more",
                       RANGE_TOTAL_MAX, text);
    }
    if (prefix < 31) {
        range->first++;
        range->last--;
    }
    return true;
}

size_t range_count(const struct range *range)
{
    return (size_t)(range->last - range->first) + 1;
}
