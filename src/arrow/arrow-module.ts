/** Loads apache-arrow on first use: it takes longer than a whole `select 1`. */
import { fail } from '../common/errors.js'

export type ArrowModule = typeof import('apache-arrow')

let loaded: ArrowModule | undefined

/** apache-arrow; after it has resolved once, the synchronous conversions of this folder may be called. */
export async function loadArrow(): Promise<ArrowModule> {
  return (loaded ??= await import('apache-arrow'))
}

/** The loaded module, for code that cannot wait. */
export function arrow(): ArrowModule {
  if (loaded === undefined) throw fail('INTERNAL', ['apache-arrow is used before loadArrow()'])
  return loaded
}
