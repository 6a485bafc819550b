export function features(): number {
  return 1;
}
