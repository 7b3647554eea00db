# cython: language_level=3, cdivision=True
"""XXH3 with 64 bits and a seed, for up to 128 bytes: the hash of event ids, which are that short.

After the specification of xxHash (doc/xxhash_spec.md of its repository); the tests hold it against the library.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    typedef unsigned __int128 shoal_wide;
    static const unsigned char SHOAL_SECRET[128] = {
        0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
        0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
        0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
        0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
        0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
        0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
        0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
        0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64};
    static uint64_t shoal_fold(uint64_t left, uint64_t right) {
        shoal_wide product = (shoal_wide)left * right;
        return (uint64_t)product ^ (uint64_t)(product >> 64);
    }
    """
    const char *SECRET "SHOAL_SECRET"
    uint64_t fold "shoal_fold"(uint64_t left, uint64_t right) noexcept nogil

cdef enum:
    HASHABLE = 128

cdef inline uint32_t read32(const char *at) noexcept nogil:
    cdef uint32_t value
    memcpy(&value, at, 4)
    return value


cdef inline uint64_t read64(const char *at) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, at, 8)
    return value


cdef inline uint64_t swapped64(uint64_t value) noexcept nogil:
    value = ((value >> 8) & <uint64_t>0x00FF00FF00FF00FF) | ((value & <uint64_t>0x00FF00FF00FF00FF) << 8)
    value = ((value >> 16) & <uint64_t>0x0000FFFF0000FFFF) | ((value & <uint64_t>0x0000FFFF0000FFFF) << 16)
    return (value >> 32) | (value << 32)


cdef inline uint64_t rotated(uint64_t value, int bits) noexcept nogil:
    return (value << bits) | (value >> (64 - bits))


cdef inline uint64_t avalanche_of_64(uint64_t value) noexcept nogil:
    value = (value ^ (value >> 33)) * <uint64_t>0xC2B2AE3D27D4EB4F
    value = (value ^ (value >> 29)) * <uint64_t>0x165667B19E3779F9
    return value ^ (value >> 32)


cdef inline uint64_t avalanche(uint64_t value) noexcept nogil:
    value = (value ^ (value >> 37)) * <uint64_t>0x165667919E3779F9
    return value ^ (value >> 32)


cdef inline uint64_t mixed(const char *at, const char *secret, uint64_t seed) noexcept nogil:
    return fold(read64(at) ^ (read64(secret) + seed), read64(at + 8) ^ (read64(secret + 8) - seed))


cdef inline uint64_t xxh3_short(const char *at, Py_ssize_t length, uint64_t seed) noexcept nogil:
    """Hash up to 16 bytes."""
    cdef uint64_t low, high
    cdef uint32_t turned
    if length > 8:
        low = read64(at) ^ ((read64(SECRET + 24) ^ read64(SECRET + 32)) + seed)
        high = read64(at + length - 8) ^ ((read64(SECRET + 40) ^ read64(SECRET + 48)) - seed)
        return avalanche(length + swapped64(low) + high + fold(low, high))
    if length >= 4:
        turned = <uint32_t>(swapped64(seed) >> 32)  # the low half of the seed, byte by byte the other way round
        seed ^= <uint64_t>turned << 32
        low = read32(at + length - 4) + (<uint64_t>read32(at) << 32)
        low ^= (read64(SECRET + 8) ^ read64(SECRET + 16)) - seed
        low ^= rotated(low, 49) ^ rotated(low, 24)
        low *= <uint64_t>0x9FB21C651E98DF25
        low ^= (low >> 35) + length
        low *= <uint64_t>0x9FB21C651E98DF25
        return low ^ (low >> 28)
    if length:
        low = (<uint64_t><uint8_t>at[0] << 16) | (<uint64_t><uint8_t>at[length >> 1] << 24)
        low |= <uint64_t><uint8_t>at[length - 1] | (<uint64_t>length << 8)
        return avalanche_of_64(low ^ ((<uint64_t>(read32(SECRET) ^ read32(SECRET + 4))) + seed))
    return avalanche_of_64(seed ^ read64(SECRET + 56) ^ read64(SECRET + 64))


cdef inline uint64_t xxh3(const char *at, Py_ssize_t length, uint64_t seed) noexcept nogil:
    """Hash up to HASHABLE bytes."""
    cdef uint64_t sum
    cdef Py_ssize_t pair
    if length <= 16:
        return xxh3_short(at, length, seed)
    sum = length * <uint64_t>0x9E3779B185EBCA87
    for pair in range((length - 1) // 32, -1, -1):
        sum += mixed(at + 16 * pair, SECRET + 32 * pair, seed)
        sum += mixed(at + length - 16 * (pair + 1), SECRET + 32 * pair + 16, seed)
    return avalanche(sum)
