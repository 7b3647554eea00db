# cython: language_level=3
"""Where librdkafka's functions and clients are: this module is a plugin that librdkafka loads itself.

`consumers.broker.librdkafka_access` says where the functions are, and names this module in the settings of a client. Then librdkafka calls
`conf_init` before it makes the client, and what is registered there when it has: its way of telling others of a client.
"""

from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdlib.h>

    typedef int (*shoal_on_new_t)(void *handle, const void *conf, void *opaque, char *errstr, size_t size);
    typedef int (*shoal_on_ack_t)(void *handle, void *message, void *opaque);

    static int (*shoal_add_on_new)(void *conf, const char *name, shoal_on_new_t on_new, void *opaque);
    static int (*shoal_add_on_ack)(void *handle, const char *name, shoal_on_ack_t on_ack, void *opaque);
    static __thread shoal_client *shoal_newest;  /* the client that this thread made last */

    /* Called for each message that was delivered or failed, by librdkafka's own threads. */
    static int shoal_on_ack(void *handle, void *message, void *opaque) {
        shoal_client *client = opaque;
        int error = *(int *)message;
        if (error) {
            __atomic_store_n(&client->error, error, __ATOMIC_RELAXED);
            __atomic_add_fetch(&client->failed, 1, __ATOMIC_RELEASE);
        }
        return 0;
    }

    /* What is allocated lives as long as the process, as its few clients do. */
    static int shoal_on_new(void *handle, const void *conf, void *opaque, char *errstr, size_t size) {
        shoal_newest = calloc(1, sizeof(shoal_client));
        if (!shoal_newest)
            return -1;
        shoal_newest->handle = handle;
        return shoal_add_on_ack(handle, "shoal", shoal_on_ack, shoal_newest);
    }

    __attribute__((visibility("default")))
    int conf_init(void *conf, void **plugin_opaque, char *errstr, size_t size) {
        return shoal_add_on_new(conf, "shoal", shoal_on_new, NULL);
    }

    static void shoal_bind(void *add_on_new, void *add_on_ack) {
        *(void **)&shoal_add_on_new = add_on_new;
        *(void **)&shoal_add_on_ack = add_on_ack;
    }

    static shoal_client *shoal_take_newest(void) {
        shoal_client *client = shoal_newest;
        shoal_newest = NULL;
        return client;
    }
    """
    void shoal_bind(void *add_on_new, void *add_on_ack)
    Client *shoal_take_newest()

FUNCTIONS = (
    "rd_kafka_queue_new",  # in the order of Library
    "rd_kafka_queue_get_partition",
    "rd_kafka_queue_forward",
    "rd_kafka_queue_destroy",
    "rd_kafka_consume_batch_queue",
    "rd_kafka_message_destroy",
    "rd_kafka_message_errstr",
    "rd_kafka_topic_name",
    "rd_kafka_topic_new",
    "rd_kafka_topic_destroy",
    "rd_kafka_produce_batch",
    "rd_kafka_err2str",
    "rd_kafka_message_headers",
    "rd_kafka_header_get_all",
    "rd_kafka_conf_interceptor_add_on_new",
    "rd_kafka_interceptor_add_on_acknowledgement",
)


def bind(addresses):
    """Take note of where librdkafka's functions are: the addresses of FUNCTIONS."""
    cdef size_t[16] at = addresses
    memcpy(&library, at, sizeof(library))
    shoal_bind(<void *>at[14], <void *>at[15])


cdef Client *newest_client() except NULL:
    """Return the client that this thread made last. Raises LookupError where it was made without this plugin."""
    cdef Client *client = shoal_take_newest()
    if not client:
        raise LookupError("no client was made in this thread with this plugin")
    return client
