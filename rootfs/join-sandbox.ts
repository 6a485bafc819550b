/**
 * Makes a pod's container out of an example bundle: `bun rootfs/join-sandbox.ts BUNDLE SANDBOX_PID OUT`.
 *
 * The bundle OUT joins the namespaces of the sandbox with that init process, and uses BUNDLE's rootfs.
 * `--share-pid` joins its PID namespace too.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Config } from "../runtime-spec/config.ts";
import { joinSandbox } from "../src/container/default-config.ts";
import { writeConfig } from "./bundles.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "share-pid": { type: "boolean", default: false } },
});
const [bundle, pid, out] = positionals;
if (bundle === undefined || out === undefined || !/^[1-9]\d*$/.test(pid ?? "")) {
  console.error("usage: bun rootfs/join-sandbox.ts [--share-pid] BUNDLE SANDBOX_PID OUT");
  process.exit(1);
}

const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as Config; // written by bundles.ts
const member = joinSandbox(config, Number(pid), { sharePid: values["share-pid"] });
writeConfig(out, { ...member, root: { ...member.root, path: resolve(bundle, member.root.path) } });
