/**
 * What a test file is about, by its folder and its name: `exec/cgroup` for test/integration/exec/cgroup.test.ts, `exec`
 * for exec.test.ts beside it, `memory` for test/vm/memory.test.ts.
 */
export function subjectOf(file: string): string {
  const [, below = ""] = /.*\btest\/(?:[a-z]+\/)?(.+?)(?:\.test)?\.ts$/.exec(file) ?? [];
  const [folder = "", name] = below.split("/").slice(-2);
  return name === undefined || name === folder ? folder : `${folder}/${name}`;
}
