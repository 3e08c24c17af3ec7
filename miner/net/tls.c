#include "miner/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/hex.h"

struct tls {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    bool pinned;
    uint8_t pin[TLS_PIN_SIZE], seen[TLS_PIN_SIZE]; /* expected, and the peer's, if it is another */
};

static void print_pin(const uint8_t pin[TLS_PIN_SIZE], char text[3 * TLS_PIN_SIZE])
{
    for (size_t i = 0; i < TLS_PIN_SIZE; i++) {
        (void)snprintf(text + 3 * i, 3, "%02X", pin[i]);
        text[3 * i + 2] = i + 1 < TLS_PIN_SIZE ? ':' : '\0';
    }
}

bool tls_read_pin(const char *text, uint8_t pin[TLS_PIN_SIZE], struct hb_err *err)
{
    char digits[2 * TLS_PIN_SIZE + 1];
    size_t used = 0;
    const char *c = text;
    for (; *c != '\0' && used < sizeof digits - 1; c++) {
        if (*c != ':') {
            digits[used++] = *c;
        }
    }
    digits[used] = '\0';
    return (*c == '\0' && hex_decode(digits, pin, TLS_PIN_SIZE)) ||
           hb_fail(err, HB_ERR_USAGE, "pool tls_pin: expected the 64 hex digits of a SHA-256");
}

/* OpenSSL's own words for what just failed, and why a certificate was refused. */
static bool explain(const struct tls *tls, struct hb_err *err)
{
    const unsigned long code = ERR_get_error();
    const long verdict = tls->ssl == NULL ? X509_V_OK : SSL_get_verify_result(tls->ssl);
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    if (verdict != X509_V_OK && tls->pinned) {
        char seen[3 * TLS_PIN_SIZE];
        print_pin(tls->seen, seen);
        return hb_fail(err, HB_ERR_NETWORK,
                       "the certificate is not the pinned one: its SHA-256 is %s", seen);
    }
    if (verdict != X509_V_OK) {
        return hb_fail(err, HB_ERR_NETWORK, "the certificate is not trusted: %s",
                       X509_verify_cert_error_string(verdict));
    }
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
        reason = "the pool does not speak it at this port";
    }
    return hb_fail(err, HB_ERR_NETWORK, "tls failed: %s",
                   reason == NULL ? "the peer does not speak it" : reason);
}

/* Instead of OpenSSL's own judgement: the peer's certificate itself, and nothing else. */
static int check_pin(X509_STORE_CTX *store, void *arg)
{
    struct tls *tls = arg;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    unsigned len = 0;
    if (certificate != NULL && X509_digest(certificate, EVP_sha256(), tls->seen, &len) == 1 &&
        len == TLS_PIN_SIZE && memcmp(tls->seen, tls->pin, TLS_PIN_SIZE) == 0) {
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static bool load_authorities(struct tls *tls, const char *ca_file, struct hb_err *err)
{
    const int good = ca_file == NULL ? SSL_CTX_set_default_verify_paths(tls->context)
                                     : SSL_CTX_load_verify_locations(tls->context, ca_file, NULL);
    if (good != 1) {
        ERR_clear_error();
        return hb_fail(err, HB_ERR_USAGE, "expected certificates in '%s', could not read any",
                       ca_file == NULL ? "the system's store" : ca_file);
    }
    return true;
}

/* Name or address must match the certificate; a name also goes into the hello (SNI). */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) {
        return true;
    }
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    char name[256]; /* the macro below casts const away */
    return text_copy(name, sizeof name, host) && SSL_set1_host(ssl, name) == 1 &&
           SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool attach_memory(struct tls *tls)
{
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (tls->in == NULL || tls->out == NULL) {
        (void)BIO_free(tls->in);
        (void)BIO_free(tls->out);
        return false;
    }
    (void)BIO_set_mem_eof_return(tls->in, -1); /* empty means: not yet */
    (void)BIO_set_mem_eof_return(tls->out, -1);
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    return true;
}

static bool set_up_trust(struct tls *tls, const struct tls_options *options, struct hb_err *err)
{
    tls->pinned = options->pin != NULL;
    if (tls->pinned) {
        SSL_CTX_set_cert_verify_callback(tls->context, check_pin, tls);
        SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
        return tls_read_pin(options->pin, tls->pin, err);
    }
    SSL_CTX_set_verify(tls->context, options->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return !options->verify || load_authorities(tls, options->ca_file, err);
}

static bool set_up(struct tls *tls, const struct tls_options *options, struct hb_err *err)
{
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1) {
        return explain(tls, err);
    }
    if (!set_up_trust(tls, options, err)) {
        return false;
    }
    tls->ssl = SSL_new(tls->context);
    if (tls->ssl == NULL || !attach_memory(tls) || !expect_host(tls->ssl, options->host)) {
        return explain(tls, err);
    }
    SSL_set_connect_state(tls->ssl);
    return true;
}

struct tls *tls_create(const struct tls_options *options, struct hb_err *err)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "tls: out of memory");
        return NULL;
    }
    if (!set_up(tls, options, err)) {
        tls_destroy(tls);
        return NULL;
    }
    return tls;
}

void tls_destroy(struct tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

/* True if an SSL call that returned `result` merely waits for more bytes. */
static bool waits(const struct tls *tls, int result)
{
    const int kind = SSL_get_error(tls->ssl, result);
    return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE;
}

bool tls_advance(struct tls *tls, struct hb_err *err)
{
    if (SSL_is_init_finished(tls->ssl)) {
        return true;
    }
    ERR_clear_error();
    const int result = SSL_do_handshake(tls->ssl);
    return result == 1 || waits(tls, result) || explain(tls, err);
}

bool tls_is_ready(const struct tls *tls)
{
    return SSL_is_init_finished(tls->ssl) != 0;
}

bool tls_feed(struct tls *tls, const char *data, size_t len)
{
    return BIO_write(tls->in, data, (int)len) == (int)len;
}

size_t tls_drain(struct tls *tls, char *data, size_t size)
{
    const int got = BIO_read(tls->out, data, (int)size);
    return got > 0 ? (size_t)got : 0;
}

bool tls_read(struct tls *tls, char *data, size_t size, size_t *len, struct hb_err *err)
{
    ERR_clear_error();
    const int got = SSL_read(tls->ssl, data, (int)size);
    *len = got > 0 ? (size_t)got : 0;
    if (got > 0 || waits(tls, got)) {
        return true;
    }
    if (SSL_get_error(tls->ssl, got) == SSL_ERROR_ZERO_RETURN) {
        return hb_fail(err, HB_ERR_NETWORK, "the pool closed the connection");
    }
    return explain(tls, err);
}

bool tls_write(struct tls *tls, const char *data, size_t len)
{
    return len == 0 || SSL_write(tls->ssl, data, (int)len) == (int)len;
}
