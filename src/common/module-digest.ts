/** What distinguishes two versions of a module. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** 16 hex digits of the text of a module at a file URL; of what it imports nothing is looked at. */
export const moduleDigest = async (url: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(new URL(url)))
    .digest('hex')
    .slice(0, 16)
