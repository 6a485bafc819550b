import { runtimePath } from "../harness/environment.ts";
import { call, printed } from "./call.ts";

/** What `list --tree --format json` prints of a pod. */
interface Seen {
  readonly name: string;
  readonly sandbox: string | null;
  readonly containers: readonly {
    readonly id: string;
    readonly name?: string;
    readonly runtime: string;
    readonly root: string;
    readonly status: string;
    readonly command: readonly string[];
  }[];
}

/** All pods that tsrun finds on this machine of the tests, whoever has made them. */
export function podsSeen(): readonly Seen[] {
  const argv = [runtimePath, "list", "--tree", "--all-roots", "--format", "json"];
  return JSON.parse(printed(call(argv))); // as it prints them
}
