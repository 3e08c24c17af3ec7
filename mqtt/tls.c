#include "mqtt/tls.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "ground/text.h"

struct mqtt_tls {
    SSL_CTX *context;
    SSL *ssl;
    const struct mqtt_url *url;
    const char *ca_file; /* "" for the system's authorities */
};

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* Keeps OpenSSL from asking on a terminal for the passphrase of a key. */
static int no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)ctx;
    return 0;
}

static const char *last_reason(void)
{
    const unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);
    if (reason == NULL && ERR_SYSTEM_ERROR(code)) {
        reason = "cannot be opened";
    }
    ERR_clear_error();
    return reason != NULL ? reason : "no reason given";
}

static bool load_authorities(SSL_CTX *context, const char *ca_file, struct hb_err *err)
{
    if (*ca_file == '\0') {
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               hb_fail(err, HB_ERR_SYSTEM, "cannot load the system's certificate authorities");
    }
    return SSL_CTX_load_verify_file(context, ca_file) == 1 ||
           hb_fail(err, HB_ERR_USAGE,
                   "ca_file: expected a readable PEM file of certificate authorities, got '%s': %s",
                   ca_file, last_reason());
}

static bool load_own_certificate(SSL_CTX *context, const char *cert_file, const char *key_file,
                                 struct hb_err *err)
{
    if (*cert_file == '\0' && *key_file == '\0') {
        return true;
    }
    if (*cert_file == '\0' || *key_file == '\0') {
        return hb_fail(err, HB_ERR_USAGE, "expected both cert_file and key_file, got only one");
    }
    if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1) {
        return hb_fail(err, HB_ERR_USAGE,
                       "cert_file: expected a readable PEM certificate, got '%s': %s", cert_file,
                       last_reason());
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
        return hb_fail(err, HB_ERR_USAGE,
                       "key_file: expected the certificate's key without a passphrase, got '%s': "
                       "%s",
                       key_file, last_reason());
    }
    return true;
}

static SSL_CTX *make_context(const struct mqtt_link_options *options, struct hb_err *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot set up TLS: %s", last_reason());
        return NULL;
    }
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    SSL_CTX_set_verify(context, options->tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        !load_authorities(context, or_empty(options->ca_file), err) ||
        !load_own_certificate(context, or_empty(options->cert_file), or_empty(options->key_file),
                              err)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

bool mqtt_tls_check_files(const struct mqtt_link_options *options, struct hb_err *err)
{
    SSL_CTX *context = make_context(options, err);
    SSL_CTX_free(context);
    return context != NULL;
}

static bool expect_name(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) {
        return true;
    }
    ERR_clear_error();
    char name[sizeof((struct mqtt_url *)0)->host]; /* OpenSSL's macro drops a const */
    (void)text_copy(name, sizeof name, host);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct mqtt_tls *mqtt_tls_open(int fd, const struct mqtt_url *url,
                               const struct mqtt_link_options *options, struct hb_err *err)
{
    struct mqtt_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    tls->url = url;
    tls->ca_file = or_empty(options->ca_file);
    tls->context = make_context(options, err);
    if (tls->context == NULL) {
        free(tls);
        return NULL;
    }
    tls->ssl = SSL_new(tls->context);
    if (tls->ssl == NULL || !expect_name(tls->ssl, url->host) || SSL_set_fd(tls->ssl, fd) != 1) {
        (void)hb_fail(err, HB_ERR_SYSTEM, "cannot set up TLS: %s", last_reason());
        mqtt_tls_close(tls);
        return NULL;
    }
    return tls;
}

void mqtt_tls_close(struct mqtt_tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->ssl);
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

static bool explain_certificate(const struct mqtt_tls *tls, long problem, struct hb_err *err)
{
    switch (problem) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return hb_fail(err, HB_ERR_USAGE, "the broker's certificate has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return hb_fail(err, HB_ERR_USAGE,
                       "the broker's certificate is not valid yet; is the clock right?");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return hb_fail(err, HB_ERR_USAGE,
                       "the broker's certificate is for another name, expected '%s'",
                       tls->url->host);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return hb_fail(err, HB_ERR_USAGE,
                       "the broker's certificate is self-signed; put it into ca_file to trust it");
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return hb_fail(err, HB_ERR_USAGE,
                       "the broker's certificate is from an authority that %s does not hold",
                       *tls->ca_file != '\0' ? "ca_file" : "this system");
    default:
        return hb_fail(err, HB_ERR_USAGE, "the broker's certificate is refused: %s",
                       X509_verify_cert_error_string(problem));
    }
}

static void explain(const struct mqtt_tls *tls, struct hb_err *err)
{
    const long problem = SSL_get_verify_result(tls->ssl);
    if (problem != X509_V_OK && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
        (void)explain_certificate(tls, problem, err);
        return;
    }
    const unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
        (void)hb_fail(err, HB_ERR_USAGE, "%s port %u does not speak TLS; expected its TLS port",
                      tls->url->host, tls->url->port);
    } else {
        (void)hb_fail(err, HB_ERR_USAGE, "TLS with the broker failed: %s", last_reason());
    }
}

static enum mqtt_tls_result result_of(const struct mqtt_tls *tls, int returned, struct hb_err *err)
{
    switch (SSL_get_error(tls->ssl, returned)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_SYSCALL:
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        explain(tls, err);
        return TLS_FAILED;
    }
}

enum mqtt_tls_result mqtt_tls_handshake(struct mqtt_tls *tls, struct hb_err *err)
{
    ERR_clear_error();
    return result_of(tls, SSL_connect(tls->ssl), err);
}

enum mqtt_tls_result mqtt_tls_read(struct mqtt_tls *tls, void *buf, size_t len, size_t *moved,
                                   struct hb_err *err)
{
    ERR_clear_error();
    return result_of(tls, SSL_read_ex(tls->ssl, buf, len, moved), err);
}

enum mqtt_tls_result mqtt_tls_write(struct mqtt_tls *tls, const void *buf, size_t len,
                                    size_t *moved, struct hb_err *err)
{
    ERR_clear_error();
    return result_of(tls, SSL_write_ex(tls->ssl, buf, len, moved), err);
}

bool mqtt_tls_in_handshake(const void *ssl, bool *wants_write)
{
    if (ssl == NULL || SSL_is_init_finished(ssl)) {
        return false;
    }
    *wants_write = SSL_want(ssl) == SSL_WRITING;
    return true;
}

const char *mqtt_tls_system_directory(void)
{
    return X509_get_default_cert_dir();
}
