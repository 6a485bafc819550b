import { statusIfThere } from "../kernel/files.ts";
export function spec(): number {
  void statusIfThere;
  return 1;
}
