import { requireRoot } from "../../container/caller/caller.ts";
import { checkpoint as checkpointContainer } from "../../container/checkpoint.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { join } from "../../linux/paths.ts";
import { optionsFrom, placesFrom } from "../flags/criu.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { progressAt } from "../output/criu-progress.ts";
import { warnings } from "../output/log.ts";
import type { Session } from "../session/session.ts";

type Flags = InvocationOf<"checkpoint">["flags"];

/** `tsrun checkpoint ID` */
export async function checkpoint(invocation: InvocationOf<"checkpoint">, session: Session): Promise<number> {
  const { caller } = session;
  requireRoot(caller);
  const { globals, flags, args } = invocation;
  const places = placesFrom(flags, caller);
  const criu = {
    ...optionsFrom(flags),
    parentImages: parentFrom(flags, places.images),
    tcpSkipInFlight: flags.tcpSkipInFlight,
    statusFd: flags.statusFd < 0 ? undefined : flags.statusFd,
    pageServer: flags.pageServer === undefined ? undefined : pageServerFrom(flags.pageServer),
  };
  const { leaveRunning, preDump } = flags;
  const store = storeOf(globals, caller);
  using progress = progressAt(session, globals, { what: `checkpoint ${args[0]}`, images: places.images });
  await checkpointContainer(
    store,
    args[0],
    { ...places, leaveRunning, preDump, criu },
    warnings(session, globals),
  );
  progress?.finish();
  return 0;
}

/** criu takes it relative to the images, so its link stays right when both are moved. @throws UserError */
function parentFrom({ parentPath }: Flags, images: string): string | undefined {
  if (parentPath === undefined) return undefined;
  if (parentPath.startsWith("/"))
    throw new UserError(`--parent-path ${parentPath}`, "must be relative to --image-path");
  const parent = join(images, parentPath);
  if (statusIfThere(parent) === null)
    throw new UserError(`--parent-path ${parentPath}`, `${parent} does not exist`);
  return parentPath;
}

function pageServerFrom(text: string): { readonly address: string; readonly port: number } {
  const [, address, port] = /^\[?(.*?)\]?:(\d+)$/.exec(text) ?? [];
  if (address === undefined || Number(port) > 65_535)
    throw new UserError(`--page-server takes ADDRESS:PORT, not ${JSON.stringify(text)}`);
  return { address, port: Number(port) };
}
