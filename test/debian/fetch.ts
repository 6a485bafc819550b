/**
 * Fetches a package of another suite of Debian's, such as `sid`, and unpacks it: `bun test/debian/fetch.ts SUITE PACKAGE
 * DIRECTORY [ARCHITECTURE]`. The lists of what the suite has stay beside the directory.
 */
import { dirname, join, resolve } from "node:path";
import { otherSuite } from "./apt.ts";
import { unpackPackage } from "./unpack.ts";

const [suite, name, destination, architecture] = process.argv.slice(2);
if (suite === undefined || name === undefined || destination === undefined) {
  throw new Error("usage: fetch.ts SUITE PACKAGE DIRECTORY [ARCHITECTURE]");
}
const directory = resolve(destination);
try {
  const archive = otherSuite(suite, join(dirname(directory), ".apt"), architecture);
  unpackPackage(archive, () => name, directory);
} catch (error) {
  console.error(`${name} of ${suite} can't be had: ${String(error).match(/E: .*/)?.[0] ?? error}`);
  process.exitCode = 1;
}
