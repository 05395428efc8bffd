/** The objects of a bucket whose keys begin alike: ListObjectsV2, page by page. */
import { expectStatus, LastingError, withRetries } from './attempts.js'
import { readBody } from './http-client.js'
import { sendToS3, type S3Object } from './s3-request.js'
import type { FilePlace, ListedFile } from './store.js'

/** A page has at most 1000 objects, each key at most 1024 bytes. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024

/** Objects with the prefix, by key; without those that stand for directories. */
export async function* listObjects(
  place: FilePlace,
  { bucket, key: prefix }: S3Object,
): AsyncGenerator<ListedFile, void> {
  let token: string | undefined
  do {
    const page = await listPage(place, bucket, {
      'list-type': '2',
      'encoding-type': 'url',
      prefix,
      ...(token === undefined ? {} : { 'continuation-token': token }),
    })
    for (const [, object] of page.matchAll(/<Contents>([^]*?)<\/Contents>/g)) {
      const key = decodeURIComponent(elementText(object, 'Key').replaceAll('+', ' '))
      if (key.endsWith('/')) continue
      const version = { byteLength: Number(elementText(object, 'Size')), tag: elementText(object, 'ETag') }
      yield { path: `s3://${bucket}/${key}`, version }
    }
    token = elementText(page, 'NextContinuationToken') || undefined
  } while (token !== undefined)
}

function listPage(place: FilePlace, bucket: string, query: Readonly<Record<string, string>>): Promise<string> {
  return withRetries(place, async () => {
    const reply = await sendToS3(place, { bucket, key: '' }, { method: 'GET', query })
    const text = (await readBody(await expectStatus(reply, 200), MAX_PAGE_BYTES)).toString()
    if (!text.includes('<ListBucketResult')) throw new LastingError('the server answers with no list of objects')
    return text
  })
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', apos: "'", gt: '>', lt: '<', quot: '"' }

/** Text of the first element of that name, which holds no others; empty if there is none. */
export function elementText(xml: string, name: string): string {
  const [, text = ''] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? []
  return text.replaceAll(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (whole, decimal?: string, hex?: string, entity?: string) => {
      if (entity !== undefined) return ENTITIES[entity] ?? whole
      return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal))
    },
  )
}
