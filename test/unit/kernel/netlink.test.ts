import { test } from "uvu";
import * as assert from "uvu/assert";
import { close, socket } from "../../../src/kernel/calls.ts";
import { AF_NETLINK, SOCK_RAW } from "../../../src/kernel/constants.ts";
import { here } from "../../../src/kernel/here.ts";
import { findInterface, globalAddresses } from "../../../src/kernel/interfaces.ts";
import { attributesIn, int32Attribute, packed, request, textAttribute } from "../../../src/kernel/netlink.ts";

/** What a talk over a socket in this network namespace gives. */
function talk<T>(about: (socket: number) => T): T {
  const fd = here(socket(AF_NETLINK, SOCK_RAW));
  try {
    return about(fd);
  } finally {
    here(close(fd));
  }
}

test("attributes are padded to 4 bytes, and read as they were written", () => {
  const attributes = [textAttribute(3, "eth0"), int32Attribute(28, 7), textAttribute(3, "lo")];
  const bytes = packed(attributes);
  assert.is(bytes.byteLength, 12 + 8 + 8);
  assert.equal(attributesIn(bytes), attributes);
});

test("a request begins with its length, type and flags, and its body follows at 16", () => {
  const bytes = request(18, 0x300, Uint8Array.of(1, 2, 3, 4), [textAttribute(3, "a")]);
  const view = new DataView(bytes.buffer);
  assert.is(view.getUint32(0, true), bytes.byteLength);
  assert.is(view.getUint16(4, true), 18);
  assert.is(view.getUint16(6, true), 0x301);
  assert.equal(bytes.slice(16, 20), Uint8Array.of(1, 2, 3, 4));
});

test("the loopback interface is found by its name, and no other by a name that there is not", () => {
  assert.is(talk((fd) => findInterface(fd, "lo"))?.index, 1);
  assert.is(
    talk((fd) => findInterface(fd, "tsrun-none")),
    null,
  );
});

test("a dump is read to its end: the next answer is the next question's", () => {
  const found = talk((fd) => {
    globalAddresses(fd, 1);
    return findInterface(fd, "lo");
  });
  assert.is(found?.index, 1);
});

test.run();
