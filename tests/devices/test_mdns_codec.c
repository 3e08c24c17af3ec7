/* Multicast DNS packets: what we ask, what responders answer, and what must not hurt. */
#include "devices/mdns_codec.h"

#include <string.h>

#include "tests/support/test.h"

enum { PACKET = 512 };

static const char *const types[] = {"_axeos._sub._http._tcp.local", "_http._tcp.local"};

/* A packet that is written piece by piece. */
struct writer {
    uint8_t bytes[PACKET];
    size_t len;
};

static void put(struct writer *writer, const void *bytes, size_t len)
{
    assert_true(writer->len + len <= PACKET);
    memcpy(writer->bytes + writer->len, bytes, len);
    writer->len += len;
}

static void put16(struct writer *writer, unsigned value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    put(writer, bytes, sizeof bytes);
}

static void begin(struct writer *writer, unsigned answers, unsigned additional)
{
    *writer = (struct writer){.len = 0};
    put16(writer, 0);
    put16(writer, 0x8400);
    put16(writer, 0);
    put16(writer, answers);
    put16(writer, 0);
    put16(writer, additional);
}

/* Labels apart by '/', so that they may hold dots; ends with a zero, or a pointer if not 0. */
static void put_name(struct writer *writer, const char *name, unsigned pointer)
{
    while (*name != '\0') {
        const size_t len = strcspn(name, "/");
        const uint8_t byte = (uint8_t)len;
        put(writer, &byte, 1);
        put(writer, name, len);
        name += len + (name[len] == '/');
    }
    if (pointer != 0) {
        put16(writer, 0xC000 | pointer);
    } else {
        put(writer, "", 1);
    }
}

/* Type to length, which is patched when the data are there. */
static size_t put_record(struct writer *writer, unsigned type, unsigned class)
{
    put16(writer, type);
    put16(writer, class);
    put16(writer, 0);
    put16(writer, 120);
    put16(writer, 0);
    return writer->len;
}

static void end_record(struct writer *writer, size_t data)
{
    writer->bytes[data - 2] = (uint8_t)((writer->len - data) >> 8);
    writer->bytes[data - 1] = (uint8_t)(writer->len - data);
}

/* As a Bitaxe answers: PTR, and SRV, TXT and A beside it, names compressed. */
static void write_bitaxe(struct writer *writer)
{
    begin(writer, 1, 3);
    const unsigned type_at = (unsigned)writer->len;
    put_name(writer, "_axeos/_sub/_http/_tcp/local", 0);
    size_t data = put_record(writer, MDNS_PTR, 1);
    const unsigned instance_at = (unsigned)writer->len;
    put_name(writer, "Bitaxe Gamma 6.02 (A1B2)", type_at + 12); /* _http._tcp.local */
    end_record(writer, data);
    put_name(writer, "", instance_at);
    data = put_record(writer, MDNS_SRV, 0x8001);
    put16(writer, 0);
    put16(writer, 0);
    put16(writer, 80);
    const unsigned host_at = (unsigned)writer->len;
    put_name(writer, "bitaxe/local", 0);
    end_record(writer, data);
    put_name(writer, "", instance_at);
    data = put_record(writer, MDNS_TXT, 0x8001);
    put(writer,
        "\x09"
        "board=602"
        "\x0b"
        "asic=BM1370",
        22);
    end_record(writer, data);
    put_name(writer, "", host_at);
    data = put_record(writer, MDNS_A, 0x8001);
    put(writer, "\xc0\xa8\x01\x14", 4);
    end_record(writer, data);
}

static size_t read_all(const struct writer *writer, struct mdns_service *services, size_t max)
{
    return mdns_read_services(writer->bytes, writer->len, types, 2, services, max);
}

static void the_question_is_as_the_rfc_wants_it(void **state)
{
    (void)state;
    static const char expected[] = "\0\0\0\0\0\2\0\0\0\0\0\0"
                                   "\6_axeos\4_sub\5_http\4_tcp\5local\0\0\x0c\x80\1"
                                   "\5_http\4_tcp\5local\0\0\x0c\x80\1";
    uint8_t packet[256];
    const size_t len = mdns_write_query(packet, sizeof packet, types, 2);
    assert_int_equal(len, sizeof expected - 1);
    assert_memory_equal(packet, expected, len);
    for (size_t size = 0; size < len; size++) {
        assert_int_equal(mdns_write_query(packet, size, types, 2), 0);
    }
    const char *const wrong[] = {"a..b"};
    assert_int_equal(mdns_write_query(packet, sizeof packet, wrong, 1), 0);
}

static void a_bitaxe_is_read(void **state)
{
    (void)state;
    struct writer writer;
    struct mdns_service service;
    write_bitaxe(&writer);
    assert_int_equal(read_all(&writer, &service, 1), 1);
    assert_string_equal(service.type, types[0]);
    assert_string_equal(service.instance, "Bitaxe Gamma 6.02 (A1B2)");
    assert_int_equal(service.port, 80);
    assert_true(service.has_address);
    assert_memory_equal(service.address, "\xc0\xa8\x01\x14", 4);
    assert_string_equal(mdns_txt(&service, "ASIC"), "BM1370");
    assert_string_equal(mdns_txt(&service, "boar"), "");
}

/* Each cut either tells less or nothing, and never more than the whole. */
static void cut_packets_are_harmless(void **state)
{
    (void)state;
    struct writer writer;
    write_bitaxe(&writer);
    const size_t whole = writer.len;
    for (size_t len = 0; len < whole; len++) {
        struct mdns_service services[4];
        writer.len = len;
        const size_t count = read_all(&writer, services, 4);
        assert_true(count <= 1);
        assert_true(count == 0 || !services[0].has_address);
    }
}

static void pointers_that_loop_end_the_packet(void **state)
{
    (void)state;
    struct writer writer;
    struct mdns_service service;
    static const unsigned targets[] = {12, 13, 14, 15, 500};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        begin(&writer, 1, 0);
        put_name(&writer, "a", targets[i]); /* to itself, forwards, or into itself */
        const size_t data = put_record(&writer, MDNS_PTR, 1);
        put_name(&writer, "x", 12);
        end_record(&writer, data);
        assert_int_equal(read_all(&writer, &service, 1), 0);
    }
}

static void questions_and_other_types_tell_nothing(void **state)
{
    (void)state;
    struct writer writer;
    struct mdns_service service;
    uint8_t query[256];
    const size_t len = mdns_write_query(query, sizeof query, types, 2);
    assert_int_equal(mdns_read_services(query, len, types, 2, &service, 1), 0);
    begin(&writer, 1, 0);
    put_name(&writer, "_ipp/_tcp/local", 0);
    const size_t data = put_record(&writer, MDNS_PTR, 1);
    put_name(&writer, "Printer", 12);
    end_record(&writer, data);
    assert_int_equal(read_all(&writer, &service, 1), 0);
}

static void a_service_without_an_address_has_none(void **state)
{
    (void)state;
    struct writer writer;
    struct mdns_service service;
    begin(&writer, 1, 0);
    put_name(&writer, "_http/_tcp/local", 0);
    const size_t data = put_record(&writer, MDNS_PTR, 1);
    put_name(&writer, "My\\Miner\x01", 12);
    end_record(&writer, data);
    assert_int_equal(read_all(&writer, &service, 1), 1);
    assert_string_equal(service.type, types[1]);
    assert_string_equal(service.instance, "My\\Miner?");
    assert_int_equal(service.port, 0);
    assert_false(service.has_address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_question_is_as_the_rfc_wants_it),
        cmocka_unit_test(a_bitaxe_is_read),
        cmocka_unit_test(cut_packets_are_harmless),
        cmocka_unit_test(pointers_that_loop_end_the_packet),
        cmocka_unit_test(questions_and_other_types_tell_nothing),
        cmocka_unit_test(a_service_without_an_address_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
