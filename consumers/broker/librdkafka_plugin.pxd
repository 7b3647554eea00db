# cython: language_level=3
"""What is known of librdkafka, as in its rdkafka.h; its functions are found when the program runs."""

from libc.stdint cimport int32_t, int64_t

cdef struct Message:
    int error
    void *topic
    int32_t partition
    void *payload
    size_t size
    void *key
    size_t key_size
    int64_t offset
    void *internal

cdef struct Library:
    void *(*queue_new)(void *client) noexcept nogil
    void *(*queue_get_partition)(void *client, const char *topic, int32_t partition) noexcept nogil
    void (*queue_forward)(void *source, void *target) noexcept nogil
    void (*queue_destroy)(void *queue) noexcept nogil
    Py_ssize_t (*consume_batch_queue)(void *queue, int timeout_ms, Message **into, size_t limit) noexcept nogil
    void (*message_destroy)(Message *message) noexcept nogil
    const char *(*message_errstr)(const Message *message) noexcept nogil
    const char *(*topic_name)(const void *topic) noexcept nogil
    void *(*topic_new)(void *client, const char *name, void *conf) noexcept nogil
    void (*topic_destroy)(void *topic) noexcept nogil
    int (*produce_batch)(void *topic, int32_t partition, int flags, Message *messages, int count) noexcept nogil
    const char *(*err2str)(int error) noexcept nogil
    int (*message_headers)(const Message *message, void **headers) noexcept nogil
    int (*header_get_all)(
        const void *headers, size_t place, const char **name, const void **value, size_t *size
    ) noexcept nogil

cdef extern from *:
    """
    #ifndef SHOAL_CLIENT
    #define SHOAL_CLIENT
    typedef struct {
        void *handle;
        int failed;  /* messages that were not delivered */
        int error;   /* why the last of them was not */
    } shoal_client;

    static inline int shoal_take_failed(shoal_client *client) {
        return __atomic_exchange_n(&client->failed, 0, __ATOMIC_ACQUIRE);
    }
    #endif
    """
    ctypedef struct Client "shoal_client":
        void *handle
        int error
    int shoal_take_failed(Client *client) noexcept nogil

cdef Library library

cdef Client *newest_client() except NULL
