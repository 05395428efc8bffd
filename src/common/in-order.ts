/** Waits for what has been started at once as if one piece had been done after the other. */

/** How one piece has ended: gives its value or throws its error. */
export type Outcome<T> = () => T

/** When all have ended, so that nothing runs on after an error. Who takes outcomes in their order meets the error of the first that failed. */
export async function outcomes<T>(started: readonly Promise<T>[]): Promise<Outcome<T>[]> {
  const settled = await Promise.allSettled(started)
  return settled.map(outcome => () => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}
