/** What people from docker and podman type is answered with what to type here, and that is true. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMANDS, FLAGS, inOtherWords } from "../../../src/cli/grammar/habits.ts";
import { commandNamed, parse } from "../../../src/cli/grammar/parse.ts";
import { commandEntry, GLOBAL_FLAGS } from "../../../src/cli/grammar/table.ts";
import { UsageError } from "../../../src/cli/grammar/usage-error.ts";

/** What a command line is answered with: the message and the hint. */
function answer(line: string): readonly [message: string, hint: string] {
  try {
    parse(line.split(" "));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const told = inOtherWords(error);
    return [told.message, told.hint];
  }
  return ["none", ""];
}

for (const [line, said] of [
  ["stop web", "unknown command stop: to stop a container: tsrun kill ID TERM, then tsrun delete ID"],
  ["help stop", "unknown command stop: to stop a container: tsrun kill ID TERM, then tsrun delete ID"],
  ["unpause web", "unknown command unpause: to let a paused container go on: tsrun resume ID"],
  ["ps", "ps: ID is missing: to list the containers: tsrun list, or tsrun list --tree"],
  ["ps -a", "ps: unknown flag -a: to list the containers: tsrun list, or tsrun list --tree"],
  ["list --all", "list: unknown flag --all: all containers are listed anyway: leave it out"],
  [
    "run --rm alpine",
    "run: unknown flag --rm: run deletes the container when it has ended, unless --keep is given: leave it out",
  ],
  [
    "run --volume=/a:/b web",
    "run: unknown flag --volume: a mount is in config.json, and tsrun spec --mount type=bind,source=DIR,target=DIR writes one",
  ],
  [
    "exec -it web sh",
    "exec: unknown flag -it: standard input is the caller's anyway: leave out the i; --tty gives a terminal",
  ],
  [
    "kill -9 web",
    "kill: unknown flag -9: the signal follows the container, without a dash: tsrun kill ID SIGNAL",
  ],
  ["validate web", 'validate: unexpected argument "web": name the bundle with --bundle DIR'],
  ["delete a b", 'delete: unexpected argument "b": name one container at a time'],
  [
    "run alpine sh",
    'run: unexpected argument "sh": the command is in config.json, and tsrun spec -- COMMAND sets it',
  ],
  ["logs --tail 5 web", "logs: unknown flag --tail: the last lines: tsrun logs ID | tail -n N"],
  ["ps -ef web", "ps: unknown flag -ef: options of ps(1) follow the container: tsrun ps ID -ef"],
  ["kill -s KILL web", "kill: unknown flag -s: the signal follows the container: tsrun kill ID SIGNAL"],
] as const)
  test(`tsrun ${line} is answered in one line, with what to type`, () => {
    assert.equal(answer(line), [said, ""]);
  });

test("other mistakes are answered as ever", () => {
  assert.equal(answer("creat web"), [
    "unknown command creat (did you mean create?)",
    "Say `tsrun --help` for more.",
  ]);
  assert.equal(answer("ps --format"), ["ps: --format needs a value", "Say `tsrun ps --help` for more."]);
  assert.match(answer("start")[0], "start: ID is missing (usage: tsrun start ID)");
});

const TABLES = [[undefined, COMMANDS] as const, ...Object.entries(FLAGS)];

test("no habit is a command or a flag of tsrun's", () => {
  for (const [command, habits] of TABLES) {
    for (const word of Object.keys(habits).flatMap((words) => words.split(" "))) {
      if (word === "ID" || word === "[ARG]") continue;
      const [said] = answer(command === undefined ? word : `${command} ${word}`);
      assert.match(said, /unknown (command|flag)/, `${command} ${word}: ${said}`);
    }
  }
});

test("what is to be typed instead exists", () => {
  for (const [, habits] of TABLES) {
    for (const text of Object.values(habits)) {
      for (const [, name = "", rest = ""] of text.matchAll(
        /\btsrun ((?:--)?[a-z]+)((?: (?!is |to |after )[^ ,;:]+)*)/g,
      )) {
        if (/^(keeps|has)$/.test(name)) continue;
        const command = commandNamed(name);
        const flags = command === undefined ? GLOBAL_FLAGS : commandEntry(command).flags;
        assert.ok(command !== undefined || name === "--version", `${name} in ${text}`);
        for (const [, flag = ""] of rest.matchAll(/ --([a-z-]+)/g))
          assert.ok(flag in flags, `--${flag} in ${text}`);
      }
    }
  }
});

test.run();
