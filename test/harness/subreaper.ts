import { dlopen, FFIType } from "bun:ffi";

const PR_SET_CHILD_SUBREAPER = 36; // include/uapi/linux/prctl.h

const libc = dlopen("libc.so.6", {
  prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  waitpid: { args: [FFIType.i32, FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
});

/** This process as the parent of its orphaned descendants, who stay zombies until `reap` is called. */
export function becomeSubreaper(): Disposable & { reap(pid: number): void } {
  setSubreaper(true);
  return {
    reap(pid) {
      if (libc.symbols.waitpid(pid, null, 0) !== pid) throw new Error(`${pid} is no child of this process`);
    },
    [Symbol.dispose]: () => setSubreaper(false),
  };
}

function setSubreaper(on: boolean): void {
  const result = libc.symbols.prctl(PR_SET_CHILD_SUBREAPER, on ? 1n : 0n, 0n, 0n, 0n);
  if (result !== 0) throw new Error("prctl(PR_SET_CHILD_SUBREAPER) failed");
}
