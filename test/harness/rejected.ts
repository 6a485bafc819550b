/** What a promise is rejected with. @throws Error when it is kept, or rejected with what is no error */
export async function rejected(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (outcome instanceof Error) return outcome;
  throw new Error("expected an error");
}
