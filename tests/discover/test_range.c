/* Which addresses may be scanned. */
#include "bridge/discover/range.h"

#include "tests/support/test.h"

static void private_networks_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text, *first, *last;
        size_t count;
    } rows[] = {
        {"192.168.1.0/24", "192.168.1.1", "192.168.1.254", 254},
        {"192.168.1.77/24", "192.168.1.1", "192.168.1.254", 254},
        {"10.0.0.0/20", "10.0.0.1", "10.0.15.254", 4094},
        {"172.31.255.255", "172.31.255.255", "172.31.255.255", 1},
        {"127.0.0.1/32", "127.0.0.1", "127.0.0.1", 1},
        {"169.254.1.0/31", "169.254.1.0", "169.254.1.1", 2},
        {"10.1.2.4/30", "10.1.2.5", "10.1.2.6", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct range range;
        char text[ADDRESS_TEXT_MAX];
        assert_true(range_parse(rows[i].text, &range, NULL));
        address_print(range.first, text);
        assert_string_equal(text, rows[i].first);
        address_print(range.last, text);
        assert_string_equal(text, rows[i].last);
        assert_int_equal(range_count(&range), rows[i].count);
    }
}

static void others_are_refused_with_a_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"8.8.8.0/24", "only private networks are scanned, and '8.8.8.0/24' is not one"},
        {"100.64.0.1", "only private networks are scanned, and '100.64.0.1' is not one"},
        {"172.32.0.1", "only private networks are scanned, and '172.32.0.1' is not one"},
        {"0.0.0.0/0", "only private networks are scanned, and '0.0.0.0/0' is not one"},
        {"192.168.0.0/15", "only private networks are scanned, and '192.168.0.0/15' is not one"},
        {"10.0.0.0/19", "at most 4096 addresses (a /20) are scanned, and '10.0.0.0/19' has more"},
        {"10.0.0.0/33",
         "expected a network such as 192.168.1.0/24 or an address, got '10.0.0.0/33'"},
        {"10.0.0.0/", "expected a network such as 192.168.1.0/24 or an address, got '10.0.0.0/'"},
        {"10.0.0.0/-1",
         "expected a network such as 192.168.1.0/24 or an address, got '10.0.0.0/-1'"},
        {"10.0.0.256", "expected a network such as 192.168.1.0/24 or an address, got '10.0.0.256'"},
        {"heater.local",
         "expected a network such as 192.168.1.0/24 or an address, got 'heater.local'"},
        {"", "expected a network such as 192.168.1.0/24 or an address, got ''"},
        {"192.168.1.1111111111/24",
         "expected a network such as 192.168.1.0/24 or an address, got '192.168.1.1111111111/24'"},
        {"fd00::/64", "expected a network such as 192.168.1.0/24 or an address, got 'fd00::/64'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct range range;
        struct hb_err err = {0};
        assert_false(range_parse(rows[i].text, &range, &err));
        assert_string_equal(err.msg, rows[i].sentence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_networks_are_taken),
        cmocka_unit_test(others_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
