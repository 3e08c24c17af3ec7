/* What answers at an address: whole conversations, one table row per device. */
#include "devices/identify.h"

#include <string.h>

#include "tests/support/test.h"

enum { EXCHANGES = 6 };

#define PORT(port) (1u << (port))

struct reply {
    uint16_t port;
    const char *asked; /* path of HTTP, or what is sent */
    struct identify_answer answer;
};

struct device {
    const char *name;
    unsigned open;
    enum identify_family found;
    const char *model, *firmware, *hostname, *mac;
    struct reply replies[EXCHANGES]; /* anything else: status 404, or no answer of TCP */
};

#define HTTP_JSON(path, text)                                                                      \
    {                                                                                              \
        80, path,                                                                                  \
        {                                                                                          \
            .status = 200, .body = (text)                                                          \
        }                                                                                          \
    }
#define VERSION "{\"command\":\"version\"}"

static const struct device devices[] = {
    {"Bitaxe, recorded, v2.4.5",
     PORT(IDENTIFY_HTTP),
     FAMILY_AXEOS,
     "Bitaxe 401",
     "v2.4.5-3-gb5d1e36-dirty",
     "bitaxe",
     "aa:bb:cc:dd:ee:ff",
     {HTTP_JSON("/api/system/info",
                "{\"ASICModel\":\"BM1368\",\"asicCount\":1,\"bestDiff\":\"483k\",\"boardVersion\":"
                "\"401\",\"hostname\":\"bitaxe\",\"macAddr\":\"AA:BB:CC:DD:EE:FF\",\"version\":"
                "\"v2.4.5-3-gb5d1e36-dirty\"}")}},
    {"NerdQAxe++",
     PORT(IDENTIFY_HTTP),
     FAMILY_NERDAXE,
     "NerdQAxe++",
     "v1.0.36",
     "nerdqaxe",
     "aa:bb:cc:dd:ee:ff",
     {HTTP_JSON("/api/system/info",
                "{\"deviceModel\":\"NerdQAxe++\",\"hostip\":\"192.168.1.50\",\"macAddr\":"
                "\"AA:BB:CC:DD:EE:FF\",\"hostname\":\"nerdqaxe\",\"ASICModel\":\"BM1370\","
                "\"version\":\"v1.0.36\"}")}},
    {"Avalon Mini 3, recorded, in text",
     PORT(IDENTIFY_CGMINER),
     FAMILY_AVALON,
     "Avalon Mini3",
     "25011701_3f53b19",
     "",
     "e0:e1:a9:3e:2c:7d",
     {{4028,
       VERSION,
       {.body = "STATUS=S,When=1742265580,Code=22,Msg=CGMiner versions,Description=cgminer "
                "4.11.1|VERSION,CGMiner=4.11.1,API=3.7,PROD=Avalon Mini3,MODEL=Mini3,HWTYPE=M_"
                "MM1v1_X1,SWTYPE=MM319,LVERSION=25011701_3f53b19,BVERSION=25011701_3f53b19,"
                "CGVERSION=25011701_3f53b19,MCUVERSION=Mini3_hb_v1.0,DNA=020100008644e532,MAC="
                "e0e1a93e2c7d|"}}}},
    {"Avalon Q, recorded, with a web page",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP),
     FAMILY_AVALON,
     "Avalon Q",
     "25052801_14a19a2",
     "",
     "aa:bb:cc:dd:ee:ff",
     {{80, "/", {.status = 200, .body = "<html><title>Avalon Device</title>"}},
      {4028,
       VERSION,
       {.body = "{\"STATUS\":[{\"Code\":22,\"Description\":\"cgminer "
                "4.11.1\",\"STATUS\":\"S\"}],\"VERSION\":[{\"API\":\"3.7\",\"BVERSION\":"
                "\"25052801_14a19a2\",\"LVERSION\":\"25052801_14a19a2\",\"MAC\":\"AA:BB:CC:DD:EE:"
                "FF\",\"MODEL\":\"Q\",\"PROD\":\"Avalon Q\"}],\"id\":1}"}}}},
    {"Braiins OS 26.04",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP) | PORT(IDENTIFY_GRPC),
     FAMILY_BRAIINS,
     "Antminer S21 Pro",
     "",
     "",
     "",
     {{4028,
       VERSION,
       {.body = "{\"VERSION\":[{\"API\":\"3.7\",\"BOSer\":\"boser-buildroot "
                "0.1.0-75912fc7\"}]}"}},
      HTTP_JSON("/api/v1/version/", "{\"major\":1,\"minor\":3,\"patch\":0}"),
      {4028,
       "{\"command\":\"devdetails\"}",
       {.body = "{\"DEVDETAILS\":[{\"ID\":0,\"Model\":\"Antminer S21 Pro\"}]}"}}}},
    {"Braiins OS that wants a login first",
     PORT(IDENTIFY_HTTP),
     FAMILY_BRAIINS,
     "",
     "",
     "",
     "",
     {{80, "/", {.status = 200, .body = "<title>Braiins OS</title>"}},
      {80, "/api/v1/version/", {.status = 401, .body = ""}}}},
    {"Braiins OS of the gRPC days",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP) | PORT(IDENTIFY_GRPC),
     FAMILY_BRAIINS_OLD,
     "",
     "",
     "",
     "",
     {{4028, VERSION, {.body = "{\"VERSION\":[{\"BOSer\":\"boser-buildroot 0.1.0\"}]}"}}}},
    {"Braiins OS whose web page alone answers",
     PORT(IDENTIFY_HTTP),
     FAMILY_BRAIINS_OLD,
     "",
     "",
     "",
     "",
     {{80, "/", {.status = 200, .body = "<title>Braiins OS</title>"}}}},
    {"Braiins OS of 2020",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP),
     FAMILY_BOSMINER,
     "Bitmain Antminer S9",
     "",
     "",
     "",
     {{4028, VERSION, {.body = "{\"VERSION\":[{\"BOSminer+\":\"0.2.0-36c56a9363\"}]}"}},
      {4028,
       "{\"command\":\"devdetails\"}",
       {.body = "{\"DEVDETAILS\":[{\"ID\":6,\"Model\":\"Bitmain Antminer S9\"}]}"}}}},
    {"WhatsMiner, API 2",
     PORT(IDENTIFY_CGMINER),
     FAMILY_WHATSMINER,
     "M30S+VE40",
     "20230803.11.REL",
     "WhatsMiner",
     "d4:01:02:03:04:05",
     {{4028, VERSION, {.body = "{\"STATUS\":\"E\",\"Code\":14,\"Msg\":\"invalid cmd\"}"}},
      {4028,
       "{\"cmd\":\"get_version\"}",
       {.body = "{\"Code\":131,\"Msg\":{\"api_ver\":\"2.0.5\",\"fw_ver\":\"20230803.11.REL\","
                "\"platform\":\"H616\"},\"STATUS\":\"S\"}"}},
      {4028,
       "{\"cmd\":\"devdetails\"}",
       {.body = "{\"DEVDETAILS\":[{\"DEVDETAILS\":0,\"Model\":\"M30S+VE40\"}]}"}},
      {4028,
       "{\"cmd\":\"get_miner_info\"}",
       {.body = "{\"Code\":131,\"Msg\":{\"hostname\":\"WhatsMiner\",\"mac\":\"D4:01:02:03:04:"
                "05\"}}"}}}},
    {"WhatsMiner, API 3, recorded",
     PORT(IDENTIFY_WHATSMINER),
     FAMILY_WHATSMINER_V3,
     "M60S_VK40",
     "20251209.16.Rel2",
     "WhatsMiner",
     "ce:02:01:00:8c:36",
     {{4433,
       "{\"cmd\":\"get.device.info\",\"param\":null}",
       {.body = "{\"code\":0,\"msg\":{\"miner\":{\"type\":\"M60S_VK40\"},\"network\":{"
                "\"hostname\":\"WhatsMiner\",\"mac\":\"CE:02:01:00:8C:36\"},\"system\":{\"api\":"
                "\"3.0.2\",\"fwversion\":\"20251209.16.Rel2\"}}}"}}}},
    {"LuxOS, recorded",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP),
     FAMILY_LUXOS,
     "Antminer S19k Pro",
     "",
     "UrlacherS19k",
     "62:f7:5e:b7:10:46",
     {{80, "/", {.status = 200, .body = "<title>Luxor Firmware</title>"}},
      {4028, VERSION, {.body = "{\"VERSION\":[{\"LUXminer\":\"2025.4.8.220305-57b389c7\"}]}"}},
      {4028,
       "{\"command\":\"config\"}",
       {.body = "{\"CONFIG\":[{\"Hostname\":\"UrlacherS19k\",\"MACAddr\":\"62:f7:5e:b7:10:46\","
                "\"Model\":\"Antminer S19k Pro\",\"OS\":\"LuxOS\"}]}"}}}},
    {"VNish",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP),
     FAMILY_VNISH,
     "Antminer S19j Pro",
     "1.2.6",
     "Antminer",
     "aa:bb:cc:dd:ee:01",
     {{80, "/", {.status = 200, .body = "<title>AnthillOS</title>"}},
      HTTP_JSON("/api/v1/info",
                "{\"miner\":\"Antminer S19j Pro\",\"fw_name\":\"Vnish\",\"fw_version\":\"1.2.6\","
                "\"system\":{\"network_status\":{\"mac\":\"AA:BB:CC:DD:EE:01\",\"hostname\":"
                "\"Antminer\"}}}")}},
    {"Antminer with Bitmain's firmware",
     PORT(IDENTIFY_CGMINER) | PORT(IDENTIFY_HTTP),
     FAMILY_ANTMINER,
     "Antminer S19",
     "Thu Nov 11 15:50:19 CST 2021",
     "",
     "",
     {{80, "/", {.status = 401, .body = "", .realm = "Digest realm=\"antMiner Configuration\""}},
      {4028,
       VERSION,
       {.body = "{\"VERSION\":[{\"BMMiner\":\"1.0.0\",\"CompileTime\":\"Thu Nov 11 15:50:19 CST "
                "2021\",\"Type\":\"Antminer S19\"}]}"}}}},
    {"ePIC without a page on port 80",
     PORT(IDENTIFY_CGMINER),
     FAMILY_EPIC,
     "Antminer S19J Pro",
     "",
     "",
     "aa:bb:cc:dd:ee:02",
     {{4028, "/capabilities", {.status = 200, .body = "{\"Model\":\"Antminer S19J Pro\"}"}},
      {4028,
       "/network",
       {.status = 200, .body = "{\"dhcp\":{\"mac_address\":\"aa:bb:cc:dd:ee:02\"}}"}}}},
    {"Ofen",
     PORT(IDENTIFY_HTTP),
     FAMILY_OFEN,
     "Ofen 2",
     "0.4.1",
     "",
     "",
     {HTTP_JSON("/21control/status", "{\"operational\":true}"),
      HTTP_JSON("/21control/status/system", "{\"model\":\"Ofen 2\",\"version\":\"0.4.1\"}")}},
    {"21port",
     PORT(IDENTIFY_HTTP),
     FAMILY_21PORT,
     "21port",
     "",
     "",
     "",
     {HTTP_JSON("/21port/status/summary", "{\"powerLevel\":2,\"devices\":[]}")}},
    {"mujina",
     PORT(IDENTIFY_MUJINA),
     FAMILY_MUJINA,
     "Bitaxe Gamma",
     "",
     "",
     "",
     {{7785,
       "/api/v0/miner",
       {.status = 200, .body = "{\"uptime_secs\":5,\"boards\":[{\"model\":\"Bitaxe Gamma\"}]}"}}}},
    {"Apollo",
     PORT(IDENTIFY_HTTP),
     FAMILY_APOLLO,
     "Apollo",
     "",
     "",
     "",
     {{80, "/", {.status = 308, .body = "", .location = "/overview"}},
      HTTP_JSON("/api/graphql", "{\"errors\":[{\"message\":\"log in\"}],\"data\":null}")}},
    {"Apollo on its own port",
     PORT(IDENTIFY_APOLLO),
     FAMILY_APOLLO,
     "Apollo",
     "",
     "",
     "",
     {{5000,
       "/api/graphql",
       {.status = 200, .body = "{\"data\":{\"Miner\":{\"online\":{\"error\":{}}}}}"}}}},
    {"another GraphQL server",
     PORT(IDENTIFY_APOLLO),
     FAMILY_NONE,
     "",
     "",
     "",
     "",
     {{5000, "/api/graphql", {.status = 200, .body = "{\"errors\":[{}],\"data\":null}"}}}},
    {"a printer",
     PORT(IDENTIFY_HTTP),
     FAMILY_NONE,
     "",
     "",
     "",
     "",
     {{80, "/", {.status = 200, .body = "<title>LaserWriter</title>"}}}},
    {"a page called overview",
     PORT(IDENTIFY_HTTP),
     FAMILY_NONE,
     "",
     "",
     "",
     "",
     {{80, "/", {.status = 302, .body = "", .location = "http://10.0.0.1/overview"}},
      {80, "/api/graphql", {.status = 404, .body = "no"}}}},
    {"a server that says yes to all",
     PORT(IDENTIFY_HTTP),
     FAMILY_NONE,
     "",
     "",
     "",
     "",
     {HTTP_JSON("/api/system/info", "<html>"), HTTP_JSON("/21control/status", "[1]"),
      HTTP_JSON("/21port/status/summary", "{\"error\":\"no\"}"),
      HTTP_JSON("/api/v1/info", "\"vnish\""), HTTP_JSON("/api/v1/version/", "null"),
      HTTP_JSON("/", "")}},
    {"nobody", 0, FAMILY_NONE, "", "", "", "", {{0}}},
};

static struct identify_answer answer_of(const struct device *device, const struct identify_ask *ask)
{
    const char *asked = ask->path != NULL ? ask->path : ask->body;
    struct identify_answer answer = {.status = ask->path != NULL ? 404 : 0,
                                     .body = ask->path != NULL ? "no such page" : NULL};
    for (size_t i = 0; i < EXCHANGES && device->replies[i].asked != NULL; i++) {
        if (device->replies[i].port == ask->port && strcmp(device->replies[i].asked, asked) == 0) {
            answer = device->replies[i].answer;
        }
    }
    answer.len = answer.body == NULL ? 0 : strlen(answer.body);
    return answer;
}

static int converse(const struct device *device, struct identify *who)
{
    struct identify_ask ask;
    int asked = 0;
    identify_init(who, device->open);
    while (identify_next(who, &ask)) {
        const struct identify_answer answer = answer_of(device, &ask);
        identify_take(who, &answer);
        assert_true(++asked < 32);
    }
    return asked;
}

static void each_device_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        struct identify who;
        (void)converse(&devices[i], &who);
        print_message("%s\n", devices[i].name);
        assert_int_equal(who.found, devices[i].found);
        assert_string_equal(who.model, devices[i].model);
        assert_string_equal(who.firmware, devices[i].firmware);
        assert_string_equal(who.hostname, devices[i].hostname);
        assert_string_equal(who.mac, devices[i].mac);
    }
}

static void an_axeos_is_asked_once(void **state)
{
    (void)state;
    struct identify who;
    assert_int_equal(converse(&devices[0], &who), 1);
}

static void closed_ports_are_not_asked(void **state)
{
    (void)state;
    for (unsigned open = 0; open < 1u << IDENTIFY_PORTS; open++) {
        struct identify who;
        struct identify_ask ask;
        identify_init(&who, open);
        while (identify_next(&who, &ask)) {
            bool is_open = false;
            for (unsigned port = 0; port < IDENTIFY_PORTS; port++) {
                is_open |= (open & PORT(port)) != 0 && identify_port_numbers[port] == ask.port;
            }
            assert_true(is_open);
            identify_take(&who, &(struct identify_answer){.status = 0});
        }
        assert_int_equal(who.found, FAMILY_NONE);
    }
}

static void a_silent_port_is_asked_twice(void **state)
{
    (void)state;
    struct identify who;
    struct identify_ask ask;
    int asked = 0;
    identify_init(&who, PORT(IDENTIFY_HTTP));
    while (identify_next(&who, &ask)) {
        identify_take(&who, &(struct identify_answer){.status = 0});
        asked++;
    }
    assert_int_equal(asked, 2);
}

/* The port of many clients' one connection comes after all that the web server could tell. */
static void a_page_that_names_braiins_spares_other_questions(void **state)
{
    (void)state;
    const struct device device = {
        "",
        PORT(IDENTIFY_HTTP) | PORT(IDENTIFY_CGMINER),
        0,
        "",
        "",
        "",
        "",
        {{80, "/", {.status = 200, .body = "Braiins OS"}},
         HTTP_JSON("/api/v1/version/", "{\"major\":1,\"minor\":0,\"patch\":0}")}};
    struct identify who;
    assert_int_equal(converse(&device, &who), 6); /* four of HTTP, version, and devdetails */
    assert_int_equal(who.found, FAMILY_BRAIINS);
}

static void a_suspect_whose_api_is_silent_stays_one(void **state)
{
    (void)state;
    const struct device device = {"", PORT(IDENTIFY_HTTP),
                                  0,  "",
                                  "", "",
                                  "", {{80, "/", {.status = 200, .body = "Luxor Firmware"}}}};
    struct identify who;
    (void)converse(&device, &who);
    assert_int_equal(who.found, FAMILY_NONE);
    assert_int_equal(who.suspect, FAMILY_LUXOS);
}

static void what_devices_say_is_made_printable(void **state)
{
    (void)state;
    const struct device device = {
        "",
        PORT(IDENTIFY_HTTP),
        0,
        "",
        "",
        "",
        "",
        {HTTP_JSON("/api/system/info",
                   "{\"ASICModel\":\"BM1370\",\"boardVersion\":\"6\\n02\",\"version\":"
                   "\"\\u0007v1\",\"hostname\":\"a\\r\\nb: c\",\"macAddr\":\"not one\"}")}};
    struct identify who;
    (void)converse(&device, &who);
    assert_string_equal(who.model, "Bitaxe 6?02");
    assert_string_equal(who.firmware, "?v1");
    assert_string_equal(who.hostname, "a??b: c");
    assert_string_equal(who.mac, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_device_is_known),
        cmocka_unit_test(an_axeos_is_asked_once),
        cmocka_unit_test(closed_ports_are_not_asked),
        cmocka_unit_test(a_silent_port_is_asked_twice),
        cmocka_unit_test(a_page_that_names_braiins_spares_other_questions),
        cmocka_unit_test(a_suspect_whose_api_is_silent_stays_one),
        cmocka_unit_test(what_devices_say_is_made_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
