/* Certificates for tests, made by the openssl command in a directory that the caller owns. */
#ifndef HB_TESTS_MQTT_CERTIFICATES_H
#define HB_TESTS_MQTT_CERTIFICATES_H

/* Each holds "<directory>/<name>.pem" or ".key". */
struct certificates {
    char ca[128];                         /* the authority that signs the rest */
    char good[128], good_key[128];        /* for localhost and 127.0.0.1       */
    char other[128], other_key[128];      /* for other.example                 */
    char expired[128], expired_key[128];  /* for localhost, until yesterday    */
    char self_signed[128], self_key[128]; /* for localhost, signed by itself   */
    char client[128], client_key[128];
};

void certificates_make(struct certificates *made, const char *directory);

#endif
