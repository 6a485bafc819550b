/** Images of two layers that docker and podman have made of a container, and saved. */

import { join } from "node:path";
import * as assert from "uvu/assert";
import { freshDirectory, runtimePath, uniqueId } from "../harness/environment.ts";
import { treeOf } from "../harness/unpacked.ts";
import { call, printed, type Said } from "./call.ts";
import { BUSYBOX } from "./images.ts";

const NAME = "localhost/tsrun/changed:2";

/** Takes a file away, replaces a directory as a whole, and gives a file away. */
const CHANGES = `rm /bin/vi && rm -r /home && mkdir /home && echo new >/home/page && chown 5:6 /home/page &&
  ln /home/page /home/again && mkdir -p /usr/lib && ln -s usr/lib /lib && echo lib >/lib/it`;
const CONFIG = [
  ...["USER 5:6", "WORKDIR /home", "ENV WORD=hello", "LABEL note=ours", 'ENTRYPOINT ["sh", "-c"]'],
  `CMD ["echo $WORD $(id -u):$(id -g) $(pwd) $(cat page) $(stat -c %u:%g again)"]`,
];

/** Makes an image; `engine` runs its words, such as `commit`. */
export function makeChanged(engine: (...words: string[]) => Said, ...flags: readonly string[]): void {
  const name = uniqueId();
  printed(engine("run", "--name", name, ...flags, BUSYBOX, "sh", "-c", CHANGES));
  printed(engine("commit", ...CONFIG.flatMap((line) => ["--change", line]), name, NAME));
  printed(engine("rm", name));
}

/** Saves that image by `save`, unpacks it, and looks at the rootfs and at what runs. */
export function unpacksSaved(save: (name: string, path: string) => Said): void {
  const directory = freshDirectory("saved");
  const [image, bundle] = [join(directory, "image"), join(directory, "bundle")];
  printed(save(NAME, image));
  printed(call([runtimePath, "unpack", image, bundle]));
  const tree = treeOf(join(bundle, "rootfs"));
  assert.equal(
    [tree["bin/vi"], tree["home/app"], tree["home/page"], tree["usr/lib/it"]],
    [undefined, undefined, "new\n", "lib\n"],
  );
  assert.is(tree["lib"], "-> usr/lib");
  const { stdout } = call([runtimePath, "run", "--bundle", bundle, uniqueId()]);
  assert.is(stdout, "hello 5:6 /home new 5:6\n");
}
