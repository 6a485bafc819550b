import { manPage } from "../help/man.ts";
import { print } from "../output.ts";
import { VERSION } from "./version.ts";

/** `tsrun man`: the man page as roff. */
export function man(): number {
  print(manPage(VERSION));
  return 0;
}
