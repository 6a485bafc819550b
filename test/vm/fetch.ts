/**
 * Fetches and makes what the machines of `make test` boot from, as far as it is not there: `bun test/vm/fetch.ts`. What
 * can't be had is told by who needs it then.
 */
import { resolve } from "node:path";
import { cachedKernel, EDITIONS } from "./kernel.ts";
import { cachedImage } from "./systemd/image.ts";

const PROJECT = resolve(import.meta.dir, "../..");

for (const edition of EDITIONS) cachedKernel(PROJECT, edition);
await cachedImage(PROJECT);
