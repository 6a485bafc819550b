/** errno values by name (`asm-generic/errno-base.h`, `errno.h`: the same on both architectures). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EOVERFLOW: 75,
  ELIBBAD: 80,
  EUSERS: 87,
  ENOTSOCK: 88,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

export type ErrnoName = keyof typeof ERRNO;

/** A function, as few runs of tsrun need the table. */
const texts = (): Readonly<Record<ErrnoName, string>> => ({
  EPERM: "operation not permitted",
  ENOENT: "no such file or directory",
  ESRCH: "no such process",
  EINTR: "interrupted",
  EIO: "input/output error",
  ENXIO: "no such device or address",
  E2BIG: "argument list too long",
  ENOEXEC: "exec format error",
  EBADF: "bad file descriptor",
  ECHILD: "no child processes",
  EAGAIN: "try again",
  ENOMEM: "cannot allocate memory",
  EACCES: "permission denied",
  EFAULT: "bad address",
  ENOTBLK: "block device required",
  EBUSY: "device or resource busy",
  EEXIST: "already exists",
  EXDEV: "crosses a device or mount",
  ENODEV: "no such device",
  ENOTDIR: "not a directory",
  EISDIR: "is a directory",
  EINVAL: "invalid argument",
  ENFILE: "too many open files in the system",
  EMFILE: "too many open files",
  ENOTTY: "not a terminal or wrong ioctl",
  ETXTBSY: "text file busy",
  EFBIG: "file too large",
  ENOSPC: "no space left",
  ESPIPE: "illegal seek",
  EROFS: "read-only file system",
  EMLINK: "too many links",
  EPIPE: "broken pipe",
  EDOM: "numerical argument out of domain",
  ERANGE: "numerical result out of range",
  ENAMETOOLONG: "file name too long",
  ENOSYS: "function not implemented by this kernel",
  ENOTEMPTY: "directory not empty",
  ELOOP: "too many or forbidden symbolic links",
  ENODATA: "no data available",
  EOVERFLOW: "value too large",
  ELIBBAD: "accessing a corrupted shared library",
  EUSERS: "too many users or nested namespaces",
  ENOTSOCK: "not a socket",
  EOPNOTSUPP: "operation not supported",
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "cannot assign requested address",
  ENETDOWN: "network is down",
  ECONNABORTED: "connection aborted",
  ECONNRESET: "connection reset by peer",
  ENOTCONN: "not connected",
  ETIMEDOUT: "timed out",
  ECONNREFUSED: "connection refused",
  ESTALE: "stale file handle",
  EDQUOT: "quota exceeded",
});

function nameOf(value: number): ErrnoName | undefined {
  const names = Object.keys(ERRNO) as ErrnoName[]; // keys of a const table
  return names.find((name) => ERRNO[name] === value);
}

/** "ENOENT" for 2; "errno 250" for a value without a name here. */
export function errnoName(value: number): string {
  return nameOf(value) ?? `errno ${value}`;
}

/** "no such file or directory" for 2. */
export function errnoText(value: number): string {
  const name = nameOf(value);
  return name === undefined ? "unknown error" : texts()[name];
}

/** "ENOENT (no such file or directory)" for 2: as error messages name it. */
export function errnoWords(value: number): string {
  return `${errnoName(value)} (${errnoText(value)})`;
}
