import { mkdirSync, writeFileSync } from "node:fs";
import { command } from "./mount.ts";

/** What may be where a file or directory is expected; some of it would block or act when it is opened. */
export const OBSTACLES: Readonly<Record<string, (path: string) => void>> = {
  FIFO: (path) => command("mkfifo", path),
  socket: (path) => Bun.listen({ unix: path, socket: { data() {} } }).unref(),
  "terminal device": (path) => command("mknod", path, "c", "5", "0"),
  "device that is not there": (path) => command("mknod", path, "b", "240", "77"),
  file: (path) => writeFileSync(path, ""),
  directory: (path) => mkdirSync(path),
};
