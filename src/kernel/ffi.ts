import { dlopen, FFIType, ptr, read, toArrayBuffer } from "bun:ffi";

/**
 * libc through bun:ffi. `syscall(2)` serves every system call; `posix_spawn(3)` is the one libc function that
 * cannot be written with it, since JavaScript must not run in a forked child.
 * Each symbol costs start-up time (bun:ffi compiles a wrapper for it), so there are few.
 */
const { i64_fast: word, i32, ptr: pointer } = FFIType;

const libc = openLibc();

function openLibc() {
  try {
    return dlopen("libc.so.6", {
      syscall: { args: [word, word, word, word, word, word, word], returns: word },
      __errno_location: { args: [], returns: pointer },
      posix_spawn: { args: [word, word, word, word, word, word], returns: i32 },
    }).symbols;
  } catch (error) {
    // Nothing that handles errors is there yet, and Bun would show a page of its own source.
    console.error(
      `tsrun: error: no system calls without memory that is executable: ${error}; is there a limit of its address space (ulimit -v), or MemoryDenyWriteExecute= of its service?`,
    );
    return process.exit(1);
  }
}

export const rawSyscall = libc.syscall;
export const rawPosixSpawn = libc.posix_spawn;

const errnoAddress = libc.__errno_location();

/** errno of the calling thread, right after a libc function failed. */
export function lastErrno(): number {
  return errnoAddress === null ? 0 : read.i32(errnoAddress, 0);
}

/**
 * getauxval(3): a value of 64 bits from the kernel, or from entry.c; 0 if there is none. Its wrapper is compiled only
 * when this is called.
 */
export function auxiliaryValue(type: number): bigint {
  const { getauxval } = dlopen("libc.so.6", { getauxval: { args: [word], returns: FFIType.u64 } }).symbols;
  return getauxval(type);
}

/** Address of a buffer's first byte; 0 for an empty one. The caller keeps the buffer alive. */
export function addressOf(memory: Uint8Array): number {
  return memory.byteLength === 0 ? 0 : ptr(memory);
}

/** Memory at an address (an mmap(2) result) as bytes. */
export function memoryAt(address: number, length: number): Uint8Array {
  return new Uint8Array(toArrayBuffer(address as Parameters<typeof toArrayBuffer>[0], 0, length)); // Pointer is branded
}
