import type { Config } from "../../../runtime-spec/config.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import { exitStatus } from "../../container/foreground/foreground.ts";
import { ownPlatform, readPlatform } from "../../image/platform.ts";
import { again, ownMappings } from "../../image/rootless.ts";
import { unpack as unpackImage } from "../../image/unpack.ts";
import { UserError } from "../../kernel/user-error.ts";
import { inPod } from "../flags/in-pod.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../output/log.ts";
import { progressFor } from "../output/progress.ts";
import type { Session } from "../session/session.ts";

type Unpack = InvocationOf<"unpack">;

/** Larger images exist, but nobody should fill a disk without having said so. */
const DEFAULT_MAX_SIZE = 64 * 2 ** 30;

/** `tsrun unpack IMAGE BUNDLE`: from an image to a bundle. */
export async function unpack(invocation: Unpack, session: Session): Promise<number> {
  const { caller } = session;
  const { globals, flags, args } = invocation;
  const warn = warnings(session, globals);
  const [image, bundle] = args;
  const { tag, platform, maxSize = DEFAULT_MAX_SIZE } = flags;
  const wanted = platform === undefined ? ownPlatform() : readPlatform(platform);
  if (flags.sandbox !== undefined && flags.rootless)
    throw new UserError("unpack", "--sandbox and --rootless do not go together yet");
  if (caller.uid !== 0) return await asRoot(flags, session, warn);
  const mappings = flags.rootless ? ownMappings(caller) : null;
  if (flags.rootless && mappings === null)
    throw new UserError("--rootless", "is for ordinary users: root unpacks with the ids as they are");
  const place = flags.sandbox === undefined ? asItIs : inPod(globals, flags.sandbox, caller, "unpack");
  let isCancelled = false;
  session.onEnd(() => {
    isCancelled = true;
  });
  await unpackImage({
    ...{
      image: image === "-" ? image : fromCaller(caller, image),
      stdin: caller.streams[0],
      bundle: fromCaller(caller, bundle),
      mappings,
      place,
      tag,
      warn,
    },
    ...{ platform: wanted, named: platform !== undefined, progress: progressFor(session, globals) },
    maxSize: maxSize === -1 ? Number.POSITIVE_INFINITY : Number(maxSize),
    isCancelled: () => isCancelled,
  });
  return 0;
}

const asItIs = (config: Config) => config;

/** An ordinary user can't give files to others, but as root of a user namespace. */
async function asRoot({ rootless }: Unpack["flags"], session: Session, warn: (message: string) => void) {
  if (!rootless)
    throw new UserError(
      "an ordinary user can't unpack an image with its owners: add --rootless, or run tsrun as root",
    );
  using held = await session.holdSignals();
  const foreground = await session.foreground(await again(session.caller, warn), null);
  for (const signal of held.release()) foreground.send(signal);
  return exitStatus(await foreground.wait());
}
