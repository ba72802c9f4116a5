/* DuckDB's own allocator takes memory from jemalloc, where AddressSanitizer sees nothing. These three come before
   DuckDB's when they are preloaded, and take it from malloc. */

#include <stdlib.h>

void *_ZN6duckdb9Allocator15DefaultAllocateEPNS_20PrivateAllocatorDataEm(void *data, size_t size) {
	(void)data;
	return malloc(size);
}

void _ZN6duckdb9Allocator11DefaultFreeEPNS_20PrivateAllocatorDataEPhm(void *data, void *pointer, size_t size) {
	(void)data, (void)size;
	free(pointer);
}

void *_ZN6duckdb9Allocator17DefaultReallocateEPNS_20PrivateAllocatorDataEPhmm(void *data, void *pointer, size_t old,
                                                                              size_t size) {
	(void)data, (void)old;
	return realloc(pointer, size);
}
