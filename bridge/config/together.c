#include <arpa/inet.h>
#include <string.h>

#include "bridge/config/parts.h"
#include "devices/stratum_proxy.h"

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

/* The key `listen` of the group at `at`. */
static bool check_listen(struct reader *reader, const struct cursor *at, const char *text)
{
    const struct cursor listen = cursor_member(at, "listen");
    unsigned char address[sizeof(struct in6_addr)];
    return strcmp(text, "localhost") == 0 || inet_pton(AF_INET, text, address) == 1 ||
           inet_pton(AF_INET6, text, address) == 1 ||
           reader_expected(reader, &listen, "an IP address such as 127.0.0.1 or 0.0.0.0", NULL);
}

static void check_web(struct reader *reader, const struct cursor *root)
{
    const struct config_web *web = &reader->config->web;
    const struct cursor at = cursor_member(root, "web");
    if (!check_listen(reader, &at, web->listen)) {
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

/* Whether a heater before this one logs in with the same name. */
static bool is_taken(const struct config *config, size_t index)
{
    const struct config_heater *heater = &config->heaters[index];
    const char *name = stratum_proxy_worker(heater->options, heater->id);
    for (size_t i = 0; i < index; i++) {
        const struct config_heater *other = &config->heaters[i];
        if (strcmp(other->driver, heater->driver) == 0 && other->options != NULL &&
            strcmp(stratum_proxy_worker(other->options, other->id), name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_proxy_heater(struct reader *reader, const struct cursor *at, size_t index)
{
    const struct config *config = reader->config;
    const struct stratum_proxy_options *options = config->heaters[index].options;
    const struct cursor password = cursor_member(at, "password");
    const struct cursor worker = cursor_member(at, "worker");
    if (!is_loopback(config->mining.proxy.listen) && options->password[0] == '\0') {
        (void)reader_error(reader, &password,
                           "expected a password, because the proxy listens on '%s', got nothing",
                           config->mining.proxy.listen);
    }
    if (is_taken(config, index)) {
        (void)reader_expected(reader, &worker, "a worker name of its own", NULL);
    }
}

static void check_proxy(struct reader *reader, const struct cursor *root)
{
    const struct cursor mining = cursor_member(root, "mining");
    const struct cursor at = cursor_member(&mining, "proxy");
    const struct cursor heaters = cursor_member(root, "heaters");
    if (!check_listen(reader, &at, reader->config->mining.proxy.listen)) {
        return;
    }
    for (size_t i = 0; i < reader->config->heater_count; i++) {
        const struct config_heater *heater = &reader->config->heaters[i];
        if (strcmp(heater->driver, STRATUM_PROXY_DRIVER) == 0 && heater->options != NULL) {
            const struct cursor heater_at = cursor_member(&heaters, heater->id);
            check_proxy_heater(reader, &heater_at, i);
        }
    }
}

void check_together(struct reader *reader, const struct cursor *root)
{
    check_mqtt(reader, root);
    check_base_topic(reader, root);
    check_web(reader, root);
    check_proxy(reader, root);
}
