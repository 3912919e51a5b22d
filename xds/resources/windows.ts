/**
 * Bytes that a client of HTTP/2 or HTTP/3 may send before Envoy has handed them on, by stream and by connection. Envoy buffers as
 * many of an answer that the client does not read: with its own 16 MiB, each stream that never opens its window took 17 MiB
 * (test/hostile/memory.test.ts), and a connection may have 1,024. Its advice for an edge is 64 KiB and 1 MiB; 256 KiB let an
 * upload over 50 ms of network have 5 MB/s instead of 1.3.
 */
export const windows = { initialStreamWindowSize: 256 * 1024, initialConnectionWindowSize: 1024 * 1024 } as const;
