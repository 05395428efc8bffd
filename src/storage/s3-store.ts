/** Objects of S3 and of servers that speak like it: `s3://bucket/key`. */
import { notReadable } from './local-store.js'
import { RemoteFile, remoteTail, remoteVersion, type SendAbout } from './remote-file.js'
import { listObjects } from './s3-list.js'
import { s3Object, sendToS3 } from './s3-request.js'
import { createS3File } from './s3-upload.js'
import type { Store } from './store.js'

const sendAbout: SendAbout = (place, method, headers) => sendToS3(place, s3Object(place), { method, headers })

export const s3Store: Store = {
  version: place => remoteVersion(sendAbout, place),
  async open(place, known) {
    return new RemoteFile(sendAbout, place, known ?? (await remoteVersion(sendAbout, place)))
  },
  tail: (place, byteLength, known) => remoteTail(sendAbout, place, byteLength, known),
  async *list(place) {
    try {
      // Names beside a data root that begin like it are none of the reader's business.
      s3Object({ ...place, path: place.path.slice(0, place.path.lastIndexOf('/') + 1) })
      yield* listObjects(place, s3Object(place))
    } catch (error) {
      throw notReadable(place, error)
    }
  },
  create: createS3File,
}
