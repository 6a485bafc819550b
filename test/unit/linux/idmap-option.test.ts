import { test } from "uvu";
import * as assert from "uvu/assert";
import { readIdmapOption } from "../../../src/linux/mounts/idmap-option.ts";

const WHERE = "mounts[6].options";
const NONE = { uidMappings: [], gidMappings: [] };
const ROOT = { containerID: 0, hostID: 100_000, size: 65_536 };
const CONTAINER = { uidMappings: [ROOT], gidMappings: [ROOT] };

test("ranges are the file system's first id, the host's, and how many", () => {
  const read = readIdmapOption(WHERE, "uids=0-1000-10#10-2000-1;gids=0-1-4294967294", NONE);
  assert.equal(read, {
    uidMappings: [
      { containerID: 0, hostID: 1000, size: 10 },
      { containerID: 10, hostID: 2000, size: 1 },
    ],
    gidMappings: [{ containerID: 0, hostID: 1, size: 4_294_967_294 }],
  });
});

test("after @ the second id is the container's; a kind that isn't named is mapped as the container's", () => {
  const read = readIdmapOption(WHERE, "uids=@0-5-1000#2000-7-1", CONTAINER);
  const uidMappings = [
    { containerID: 0, hostID: 100_005, size: 1000 },
    { containerID: 2000, hostID: 7, size: 1 },
  ];
  assert.equal(read, { uidMappings, gidMappings: [ROOT] });
});

for (const [text, said, container = NONE] of [
  ["", '"" in idmap= is neither uids=RANGES nor gids=RANGES'],
  ["users=0-0-1", '"users=0-0-1" in idmap= is neither'],
  ["uids=0-0;gids=0-0-1", '"0-0" in idmap= is no range of ids: FIRST-SHOWN-COUNT, such as 0-1000-10'],
  ["uids=0-0-0;gids=0-0-1", '"0-0-0" in idmap= is no range'],
  ["uids=0-4294967290-6;gids=0-0-1", '"0-4294967290-6" in idmap= is no range'],
  ["uids=@0-65000-1000", '"@0-65000-1000" in idmap= is in none of the container\'s uidMappings', CONTAINER],
  ["uids=0-0-1", "idmap= needs uids= and gids="],
] as const) {
  test(`idmap=${text} is refused`, () => {
    assert.throws(
      () => readIdmapOption(WHERE, text, container),
      (error: Error) => error.message.includes(said) && error.message.includes(WHERE),
    );
  });
}

test.run();
