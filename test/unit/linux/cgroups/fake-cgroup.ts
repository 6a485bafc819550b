import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Plain directories in a cgroup hierarchy's place: what the kernel would do with a write is not done. */
export class FakeHierarchy implements Disposable {
  readonly mount = mkdtempSync(join(tmpdir(), "tsrun-cgroups-"));

  constructor(files: { readonly [path: string]: string }) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.mount, path)), { recursive: true });
      writeFileSync(join(this.mount, path), text);
    }
  }

  read(path: string): string {
    return readFileSync(join(this.mount, path), "utf8");
  }

  [Symbol.dispose](): void {
    rmSync(this.mount, { recursive: true });
  }
}
