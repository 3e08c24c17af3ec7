#include <arpa/inet.h>
#include <string.h>

#include "bridge/config/parts.h"

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void check_mqtt(struct reader *reader, const struct cursor *root)
{
    const struct config_mqtt *mqtt = &reader->config->mqtt;
    const struct cursor at = cursor_member(root, "mqtt");
    if (begins_with(mqtt->url, "ws") && mqtt->client != MQTT_BACKEND_PAHO) {
        const struct cursor client = cursor_member(&at, "client");
        (void)reader_error(reader, &client,
                           "expected paho, which ws:// and wss:// need, got "
                           "mosquitto");
    }
    if ((mqtt->cert_file[0] == '\0') != (mqtt->key_file[0] == '\0')) {
        const bool has_key = mqtt->key_file[0] != '\0';
        const struct cursor missing = cursor_member(&at, has_key ? "cert_file" : "key_file");
        (void)reader_error(reader, &missing, "expected both cert_file and key_file, got only %s",
                           has_key ? "key_file" : "cert_file");
    }
    if (mqtt->password[0] != '\0' && mqtt->username[0] == '\0') {
        const struct cursor username = cursor_member(&at, "username");
        reader_warn(reader, &username, "expected a username beside the password, got none");
    }
}

static void check_base_topic(struct reader *reader, const struct cursor *root)
{
    const char *base = reader->config->mqtt.base_topic;
    const struct cursor mqtt = cursor_member(root, "mqtt");
    const struct cursor at = cursor_member(&mqtt, "base_topic");
    const size_t len = strlen(base);
    if (len == 0) {
        return;
    }
    if (base[0] == '$' || base[0] == '/' || base[len - 1] == '/' || strstr(base, "//") != NULL) {
        (void)reader_expected(reader, &at,
                              "a topic that does not begin with $, with no empty level", NULL);
    }
    if (strcmp(base, reader->config->homeassistant.prefix) == 0) {
        (void)reader_expected(reader, &at, "a topic other than homeassistant.prefix", NULL);
    }
}

static bool is_loopback(const char *address)
{
    return begins_with(address, "127.") || strcmp(address, "::1") == 0 ||
           strcmp(address, "localhost") == 0;
}

static void check_web(struct reader *reader, const struct cursor *root)
{
    const struct config_web *web = &reader->config->web;
    const struct cursor at = cursor_member(root, "web");
    const struct cursor listen = cursor_member(&at, "listen");
    unsigned char address[sizeof(struct in6_addr)];
    if (strcmp(web->listen, "localhost") != 0 && inet_pton(AF_INET, web->listen, address) != 1 &&
        inet_pton(AF_INET6, web->listen, address) != 1) {
        (void)reader_expected(reader, &listen, "an IP address such as 127.0.0.1 or 0.0.0.0", NULL);
        return;
    }
    if (web->port != 0 && !is_loopback(web->listen) && web->password[0] == '\0') {
        const struct cursor password = cursor_member(&at, "password");
        (void)reader_error(reader, &password,
                           "expected a password, because the page listens on "
                           "'%s', got nothing",
                           web->listen);
    }
}

void check_together(struct reader *reader, const struct cursor *root)
{
    check_mqtt(reader, root);
    check_base_topic(reader, root);
    check_web(reader, root);
}
