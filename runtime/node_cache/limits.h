// The numbers that bound the node cache. Guests are hostile to it and to each other.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::runtime {

inline constexpr uint32_t kMaxNodeCachePiece = 1 << 20;     // one answer's data
inline constexpr uint64_t kMaxNodeCacheBlob = 64ull << 30;  // what it will fetch
inline constexpr size_t kMaxNodeCacheFetches = 8;           // from registries at once
inline constexpr size_t kMaxNodeCacheFailures = 1024;       // of fetches, remembered at once
inline constexpr size_t kMaxNodeCacheConnections = 1024;    // guests of one node
inline constexpr size_t kMaxNodeCacheCalls = 16;            // of one guest at once
inline constexpr size_t kMaxAdmission = 4096;               // bytes of the line before it all
inline constexpr int64_t kAdmissionTimeoutMs = 5'000;       // for that line
inline constexpr int64_t kFetchProgressTimeoutMs = 8'000;   // a reader's wait for the next byte
inline constexpr int64_t kFetchRetryMs = 30'000;            // a failed fetch is left alone for

// A layer of more than that many times its blob costs a guest little to inflate and the node much
// to keep; whatever it is, the first bytes of it are kept all the same.
inline constexpr uint64_t kMaxNodeCacheUnpackRatio = 16;
inline constexpr uint64_t kNodeCacheUnpackRatioFrom = 16 << 20;
inline constexpr size_t kMaxNodeCacheWishes = 1024;     // for unpacked blobs, remembered at once
inline constexpr int64_t kUnpackQuietMs = 300;          // without a fetch, before one is made
inline constexpr int64_t kUnpackPatienceMs = 60'000;    // for that; then it is made all the same
inline constexpr int64_t kUnpackRetryMs = 10 * 60'000;  // what cannot be unpacked is left alone for

}  // namespace nacre::runtime
