/**
 * How the kernel takes a system call's arguments out of registers, where a seccomp filter sees something else: calls that
 * share one number on i386, and arguments whose upper half is not looked at.
 */

/** net/socket.c: on i386, socketcall(2) does what its first argument says; the others are in memory. */
export const SOCKETCALLS: { readonly [name: string]: number } = {
  socket: 1,
  bind: 2,
  connect: 3,
  listen: 4,
  accept: 5,
  getsockname: 6,
  getpeername: 7,
  socketpair: 8,
  send: 9,
  recv: 10,
  sendto: 11,
  recvfrom: 12,
  shutdown: 13,
  setsockopt: 14,
  getsockopt: 15,
  sendmsg: 16,
  recvmsg: 17,
  accept4: 18,
  recvmmsg: 19,
  sendmmsg: 20,
};

/** ipc/syscall.c: ipc(2), the same. Its arguments are in registers, but in other ones. */
export const IPC_CALLS: { readonly [name: string]: number } = {
  semop: 1,
  semget: 2,
  semctl: 3,
  semtimedop: 4,
  msgsnd: 11,
  msgrcv: 12,
  msgget: 13,
  msgctl: 14,
  shmat: 21,
  shmdt: 22,
  shmget: 23,
  shmctl: 24,
};

/** asm/unistd_32.h: the calls of these tables that i386 also has numbers for, which libseccomp does not tell. */
export const NUMBERS_BESIDE: { readonly [name: string]: number } = {
  socket: 359,
  socketpair: 360,
  bind: 361,
  connect: 362,
  listen: 363,
  accept4: 364,
  getsockopt: 365,
  setsockopt: 366,
  getsockname: 367,
  getpeername: 368,
  sendto: 369,
  sendmsg: 370,
  recvfrom: 371,
  recvmsg: 372,
  shutdown: 373,
  semget: 393,
  semctl: 394,
  shmget: 395,
  shmctl: 396,
  shmat: 397,
  shmdt: 398,
  msgget: 399,
  msgsnd: 400,
  msgrcv: 401,
  msgctl: 402,
  recvmmsg: 337,
  sendmmsg: 345,
};

/**
 * Arguments that a 64-bit kernel takes as 32 bits (`int`, `unsigned int` in SYSCALL_DEFINE), of calls that profiles
 * compare arguments of. A filter compares all 64 bits of the register.
 */
export const HALF_ARGUMENTS: { readonly [name: string]: readonly number[] } = {
  bpf: [0],
  fcntl: [0, 1],
  ioctl: [0, 1],
  keyctl: [0],
  openat: [0, 2],
  perf_event_open: [3],
  personality: [0],
  prctl: [0],
  seccomp: [0, 1],
  setns: [0, 1],
  socket: [0, 1, 2],
  socketpair: [0, 1, 2],
};
