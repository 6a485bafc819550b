/** How a timeline is laid out. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { contextFrom, traceparentOf } from "../../../src/container/listing/trace-context.ts";
import { CALL_KINDS, kindOf } from "../../../src/container/timeline/kinds.ts";
import { duration, rowsOf, ticks } from "../../../src/container/timeline/layout.ts";
import { picture } from "../../../src/container/timeline/picture.ts";
import { readTimelines } from "../../../src/container/timeline/read.ts";
import type { Span, Timeline } from "../../../src/container/timeline/timeline.ts";
import { traceEvents } from "../../../src/container/timeline/trace-events.ts";
import { NUMBERS } from "../../../src/kernel/syscall-numbers.ts";
import { loadedByMaking } from "../../harness/imported.ts";

const span = (name: string, from: number, to: number, more: Partial<Span> = {}): Span => ({
  ...{ kind: "files", name, title: `${name}()`, from, to, failed: false, owner: "" },
  ...more,
});

const timeline = (spans: readonly Span[]): Timeline => ({
  ...{ name: "tsrun create web", from: 0, to: 1000, pid: 7, failure: [] },
  tracks: [{ name: "tsrun", spans }],
  trace: { traceId: "1".repeat(32), parentId: null, spanId: "2".repeat(16) },
});

test("spans that lie in another are a row below it, others beside it", () => {
  const spans = [
    span("a", 0, 100, { kind: "phase" }),
    span("b", 0, 40, { kind: "property" }),
    span("c", 10, 20),
    span("d", 40, 100),
    span("e", 100, 120),
  ];
  const names = rowsOf(spans).map((row) => row.map(({ name }) => name));
  assert.equal(names, [["a", "e"], ["b", "d"], ["c"]]);
});

test("times have three digits and a unit", () => {
  assert.equal([0, 0.5, 85, 4213, 1_250_000].map(duration), ["0", "0.5 µs", "85 µs", "4.21 ms", "1.25 s"]);
});

test("the axis has marks at round times", () => {
  assert.equal(
    ticks(48_200, 10).map(({ label }) => label),
    ["0", "5 ms", "10 ms", "15 ms", "20 ms", "25 ms", "30 ms", "35 ms", "40 ms", "45 ms"],
  );
  assert.is(ticks(0, 10)[0]?.label, "0");
});

test("every name in the kinds is a system call or a step, and in one kind alone", () => {
  const names = Object.values(CALL_KINDS).join(" ").trim().split(/ +/);
  assert.equal(
    names.filter((name) => !(name in NUMBERS) && !/^(compare|move|foreground)$/.test(name)),
    [],
  );
  assert.is(new Set(names).size, names.length);
  assert.is(kindOf({ name: "openat" }), "files");
  assert.is(kindOf({ name: "fsmount" }), "mounts");
});

test("spans too narrow to be seen are one bar, whose tooltip has them all; a failure stays apart", () => {
  const narrow = Array.from({ length: 5 }, (_, index) =>
    span(`call${index}`, 100 + index * 0.2, 100.1 + index * 0.2),
  );
  const svg = picture([timeline([...narrow, span("bad", 101, 101.1, { failed: true })])], { merge: true });
  assert.is(svg.match(/class="s /g)?.length, 2);
  assert.match(svg, /<title>5 together: .*\ncall0\(\)\ncall1\(\)\ncall2\(\)\ncall3\(\)\ncall4\(\)<\/title>/);
  assert.match(svg, /class="s files failed"/);
  assert.is(picture([timeline(narrow)], { merge: false }).match(/class="s /g)?.length, 5);
});

test("markup, and characters that XML can't hold or a terminal obeys, are shown as text", () => {
  const hostile = span("</text><script>", 0, 900, { title: "\u0000\u009b<&\"'>\ud800" });
  const svg = picture([timeline([hostile])], { merge: true });
  assert.not.match(svg, /<script>/);
  assert.match(svg, /<title>\ufffd\ufffd&#60;&#38;&#34;&#39;&#62;\ufffd\n/);
});

test("trace events are complete events of a thread each, in microseconds", () => {
  const { traceEvents: events } = JSON.parse(traceEvents([timeline([span("openat", 5, 7)])]));
  assert.equal(events.at(-1), {
    ...{ ph: "X", name: "openat", cat: "files", ts: 5, dur: 2, pid: 7, tid: 1 },
    args: { call: "openat()" },
  });
});

test("what is written as trace events can be read back", () => {
  const failed = {
    ...timeline([
      span("tsrun create web", 0, 1000, {
        kind: "phase",
        title: "tsrun create web",
        id: "2".repeat(16),
        failed: true,
      }),
      span("openat", 5, 7, { title: "openat() = ENOENT", owner: "root.path", failed: true }),
    ]),
    failure: ["root.path: is missing", "more"],
    trace: { traceId: "1".repeat(32), parentId: "3".repeat(16), spanId: "2".repeat(16) },
  };
  const other = {
    ...timeline([
      span("tsrun start web", 2000, 3000, { kind: "phase", title: "tsrun start web", id: "2".repeat(16) }),
    ]),
    name: "tsrun start web",
    from: 2000,
    to: 3000,
    pid: 8,
  };
  assert.equal(readTimelines("x", traceEvents([failed, other])), [failed, other]);
});

test("commands of one process stay apart", () => {
  const commands = ["a", "b", "c"].map((name) => ({ ...timeline([span(name, 0, 1000)]), name }));
  const read = readTimelines("x", traceEvents(commands));
  assert.equal(
    read.map(({ name, tracks: [track] }) => [name, track?.spans.length]),
    commands.map(({ name }) => [name, 1]),
  );
});

test("what tsrun has not written is no timeline", () => {
  for (const text of [
    "",
    "{}",
    '{"traceEvents":[]}',
    '{"traceEvents":[{"ph":"X","pid":1}]}',
    '{"traceEvents":{}}',
    "[1]",
  ])
    assert.throws(() => readTimelines("web.json", text), /^web\.json: is not a timeline of tsrun's/);
});

test("commands have one time axis, and their names where tsrun's track is", () => {
  const later = {
    ...timeline([span("b", 2000, 3000, { kind: "phase" })]),
    name: "tsrun start web",
    from: 2000,
    to: 3000,
  };
  const svg = picture([timeline([span("a", 0, 1000, { kind: "phase" })]), later], { merge: true });
  assert.match(svg, /class="name"[^>]*>tsrun create web, start web</);
  assert.match(svg, /class="track-name"[^>]*>create web<.*\n(.*\n)*.*class="track-name"[^>]*>start web</);
  assert.match(svg, /data-length="3000"/);
});

test("what draws is loaded by no command that is not asked to", () => {
  const loaded = loadedByMaking();
  assert.ok(loaded.includes("src/container/create.ts"));
  const drawing = /^src\/(container\/(timeline|listing)|kernel\/spell|cli\/trace)/;
  assert.equal(
    loaded.filter((file) => drawing.test(file)),
    ["src/container/timeline/annotation.ts"],
  );
});

test("TRACEPARENT is taken as the specification says", () => {
  const [traceId, parentId] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
  assert.equal(contextFrom(`00-${traceId}-${parentId}-00`), { traceId, parentId, flags: "00" });
  assert.equal(contextFrom(`01-${traceId}-${parentId}-01-more`), { traceId, parentId, flags: "01" });
  for (const none of [
    undefined,
    "",
    `00-${traceId}-${parentId}-01-more`,
    `ff-${traceId}-${parentId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    traceId,
  ]) {
    const { traceId: own, ...rest } = contextFrom(none);
    assert.match(own, /^[0-9a-f]{32}$/);
    assert.equal(rest, { parentId: null, flags: "01" });
  }
  assert.is(
    traceparentOf(contextFrom(`00-${traceId}-${parentId}-00`), "b".repeat(16)),
    `00-${traceId}-${"b".repeat(16)}-00`,
  );
});

test.run();
