/** Names and plain words of errno values (`asm-generic/errno-base.h`, `errno.h`: the same on both architectures). */
const ERRNOS = [
  [1, "EPERM", "operation not permitted"],
  [2, "ENOENT", "no such file or directory"],
  [3, "ESRCH", "no such process"],
  [4, "EINTR", "interrupted"],
  [5, "EIO", "input/output error"],
  [6, "ENXIO", "no such device or address"],
  [7, "E2BIG", "argument list too long"],
  [8, "ENOEXEC", "exec format error"],
  [9, "EBADF", "bad file descriptor"],
  [10, "ECHILD", "no child processes"],
  [11, "EAGAIN", "try again"],
  [12, "ENOMEM", "cannot allocate memory"],
  [13, "EACCES", "permission denied"],
  [14, "EFAULT", "bad address"],
  [15, "ENOTBLK", "block device required"],
  [16, "EBUSY", "device or resource busy"],
  [17, "EEXIST", "already exists"],
  [18, "EXDEV", "crosses a device or mount"],
  [19, "ENODEV", "no such device"],
  [20, "ENOTDIR", "not a directory"],
  [21, "EISDIR", "is a directory"],
  [22, "EINVAL", "invalid argument"],
  [23, "ENFILE", "too many open files in the system"],
  [24, "EMFILE", "too many open files"],
  [25, "ENOTTY", "not a terminal or wrong ioctl"],
  [26, "ETXTBSY", "text file busy"],
  [27, "EFBIG", "file too large"],
  [28, "ENOSPC", "no space left"],
  [29, "ESPIPE", "illegal seek"],
  [30, "EROFS", "read-only file system"],
  [31, "EMLINK", "too many links"],
  [32, "EPIPE", "broken pipe"],
  [33, "EDOM", "numerical argument out of domain"],
  [34, "ERANGE", "numerical result out of range"],
  [36, "ENAMETOOLONG", "file name too long"],
  [38, "ENOSYS", "function not implemented by this kernel"],
  [39, "ENOTEMPTY", "directory not empty"],
  [40, "ELOOP", "too many or forbidden symbolic links"],
  [61, "ENODATA", "no data available"],
  [75, "EOVERFLOW", "value too large"],
  [80, "ELIBBAD", "accessing a corrupted shared library"],
  [87, "EUSERS", "too many users or nested namespaces"],
  [88, "ENOTSOCK", "not a socket"],
  [95, "EOPNOTSUPP", "operation not supported"],
  [98, "EADDRINUSE", "address already in use"],
  [99, "EADDRNOTAVAIL", "cannot assign requested address"],
  [100, "ENETDOWN", "network is down"],
  [104, "ECONNRESET", "connection reset by peer"],
  [107, "ENOTCONN", "not connected"],
  [110, "ETIMEDOUT", "timed out"],
  [111, "ECONNREFUSED", "connection refused"],
  [116, "ESTALE", "stale file handle"],
  [122, "EDQUOT", "quota exceeded"],
] as const satisfies readonly (readonly [number, string, string])[];

export type ErrnoName = (typeof ERRNOS)[number][1];

/** errno values by name: `ERRNO.ENOENT` is 2. */
export const ERRNO = Object.fromEntries(ERRNOS.map(([value, name]) => [name, value])) as Readonly<
  Record<ErrnoName, number> // Object.fromEntries loses the keys
>;

/** "ENOENT" for 2; "errno 250" for a value without a name here. */
export function errnoName(value: number): string {
  return ERRNOS.find(([number]) => number === value)?.[1] ?? `errno ${value}`;
}

/** "no such file or directory" for 2. */
export function errnoText(value: number): string {
  return ERRNOS.find(([number]) => number === value)?.[2] ?? "unknown error";
}
