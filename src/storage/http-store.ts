/** Files of web servers: `http://` and `https://`, read only. */
import { fail } from '../common/errors.js'
import { LastingError } from './attempts.js'
import { sendOnce, type HttpReply } from './http-client.js'
import { RemoteFile, remoteTail, remoteVersion, type SendAbout } from './remote-file.js'
import type { FilePlace, Store } from './store.js'
import { allowedUrl } from './url-roots.js'

export const httpStore: Store = {
  version: place => remoteVersion(sendAllowed, place),
  async open(place, known) {
    return new RemoteFile(sendAllowed, place, known ?? (await remoteVersion(sendAllowed, place)))
  },
  tail: (place, byteLength, known) => remoteTail(sendAllowed, place, byteLength, known),
  create() {
    throw fail('NOT_SUPPORTED', ['writing to http:// and https:// (files are written to this machine and to s3://)'])
  },
}

const MAX_REDIRECTS = 3
const REDIRECTS = [301, 302, 303, 307, 308]

const sendAllowed: SendAbout = async (place, method, headers) => {
  let url = allowedUrl(place)
  for (let redirects = 0; ; redirects++) {
    const reply = await sendOnce({ method, url, headers: { ...headers, 'accept-encoding': 'identity' } }, place)
    if (!REDIRECTS.includes(reply.status)) return reply
    reply.body.resume()
    if (redirects === MAX_REDIRECTS) throw new LastingError(`more than ${MAX_REDIRECTS} redirects`)
    url = redirected(reply, url, place)
  }
}

/** Every stop on the way must be allowed. Throws PATH_NOT_ALLOWED, FILE_NOT_READABLE. */
function redirected({ headers }: HttpReply, from: URL, { host }: FilePlace): URL {
  const { location } = headers
  if (location === undefined || !URL.canParse(location, from.href)) throw new LastingError('a redirect to nowhere')
  const url = new URL(location, from)
  if (from.protocol === 'https:' && url.protocol !== 'https:') throw new LastingError('a redirect from https to http')
  return allowedUrl({ path: url.href, host })
}
