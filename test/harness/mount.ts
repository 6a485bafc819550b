import { spawnSync } from "node:child_process";

/** A mount of this test file's own, made by mount(8); unmounted by `using`. */
export function mounted(at: string, ...options: readonly string[]): Disposable {
  command("mount", ...options, at);
  return { [Symbol.dispose]: () => command("umount", "--recursive", at) };
}

/** Runs a host's command; throws with what it said unless it exits 0. */
export function command(file: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${status}: ${stderr}`);
  return stdout;
}
