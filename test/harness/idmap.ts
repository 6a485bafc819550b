import { release } from "node:os";
import { testIf } from "./skip.ts";

const [major = 0, minor = 0] = release().split(".").map(Number);

/** Tests id-mapped mounts of test directories, which are on tmpfs: Linux 6.3 and later can. */
export const testIdmap = testIf(
  major > 6 || (major === 6 && minor >= 3),
  "needs a tmpfs that can be id-mapped",
);
