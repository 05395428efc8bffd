/** Writes transactions of five entries and a counter to the store in its first argument until it is killed; prints each that is on disk. */
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openStore } from '../../src/kv/lmdb-store.js'

export const KEYS = 5

export const keyOf = (number: number, part: number): string => `job/${String(number).padStart(9, '0')}/${part}`

/** Bytes that tell whether they are whole. */
export function valueOf(number: number): Uint8Array {
  const body = Buffer.alloc(60 + ((number * 37) % 900), number % 251)
  return Buffer.concat([createHash('sha256').update(body).digest(), body])
}

async function main([directory, from]: readonly string[]): Promise<void> {
  const store = await openStore(directory)
  for (let number = Number(from); ; number++) {
    await store.transact(transaction => {
      for (let part = 0; part < KEYS; part++) transaction.put(keyOf(number, part), valueOf(number))
      transaction.put('last', Buffer.from(String(number)))
    })
    writeSync(1, `${number}\n`)
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) await main(process.argv.slice(2))
