/**
 * Load, system calls that fail, images that mean ill, command lines, signals, mistakes, the tests' own end and
 * what documents say: what these ask is the same on every machine, and emulation makes it long. They run in a guest when
 * they are named, or when they were skipped elsewhere.
 */
const LEFT_OUT = [
  ...["failing/*", "hostile/*", "command-line/{command-line,errors,log,spec}", "lifecycle/{signals,stress}"],
  ...["interrupted-tests", "pages/pages", "site", "tutorial"],
].map((name) => new Bun.Glob(`test/integration/${name}.test.ts`));

/** The test files that a guest runs, relative to the project. */
export function guestFiles(project: string): string[] {
  const patterns = ["test/vm/*.test.ts", "test/integration/**/*.test.ts"];
  const all = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(project)].sort());
  return all.filter((file) => !LEFT_OUT.some((glob) => glob.match(file)));
}
