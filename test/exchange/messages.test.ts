/** The hand-written interfaces of the wire messages have exactly the fields of the .proto files. */
import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'

const FOLDER = 'src/exchange/proto'

/** Fields by message, as the loader names them (camelCase), in alphabetical order. */
function protoMessages(text: string): Map<string, string[]> {
  const messages = new Map<string, string[]>()
  let current: string[] = []
  for (const line of text.split('\n')) {
    const message = /^message (\w+) \{/.exec(line)
    if (message) messages.set(message[1], (current = []))
    const field = /^\s+(?:repeated )?[\w.]+ (\w+) = \d+;/.exec(line)
    if (field) current.push(field[1].replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()))
  }
  return messages
}

/** Fields by interface; the discriminator that the loader adds to a oneof (`message`) is left out. */
function interfaces(text: string): Map<string, string[]> {
  return new Map(
    [...text.matchAll(/export interface (\w+) \{([\s\S]*?)\n\}/g)].map(([, name, body]) => [
      name,
      [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field]) => field).filter(field => field !== 'message'),
    ]),
  )
}

const files = readdirSync(FOLDER).filter(file => file.endsWith('.proto'))
const declared = interfaces(readFileSync(`${FOLDER}/messages.ts`, 'utf8'))

for (const file of files) {
  test(`${file} and its interfaces agree`, t => {
    const messages = protoMessages(readFileSync(`${FOLDER}/${file}`, 'utf8'))
    t.true(messages.size > 0)
    for (const [name, fields] of messages) {
      // A message of at most one field may be written inline in the message that holds it.
      if (!declared.has(name) && fields.length <= 1) continue
      t.deepEqual(declared.get(name)?.toSorted(), fields.toSorted(), name)
    }
  })
}
