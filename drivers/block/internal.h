/* SPDX-License-Identifier: MIT
 *
 * drivers/block among its own files.
 */
#ifndef DRIVERS_BLOCK_INTERNAL_H
#define DRIVERS_BLOCK_INTERNAL_H

#include "drivers/block/block.h"

#define BIO_TRIES 4     /* a command is given this often before its bio fails */
#define BIO_RESERVES 4  /* bios of BIO_MAX pieces that a disk keeps for bad times */

#define for_each_in_chain(b, head) for (struct bio *b = (head); b; b = b->chain)

/* queue.c */
void queue_bio(struct disk *d, struct bio *bio);    /* disk->lock held: merge or append; dispatch() afterwards */
void queue_dispatch(struct disk *d);                /* starts what can be started; takes the lock */
void stat_start(struct bio *bio);
/* bio.c */
int reserve_init(struct disk *d);
void reserve_exit(struct disk *d);
/* bounce.c */
int bounce_init(struct disk *d);
bool bio_needs_bounce(const struct bio *bio);
void bounce_submit(struct bio *bio);
void queue_or_plug(struct bio *bio);                /* bio.c: a bio as the device can take it */
/* thread.c */
void blockd_init(void);

/* inject.c */
enum inject { INJECT_NOTHING, INJECT_ERROR, INJECT_LOSE };
enum inject inject_check(struct disk *d, const struct bio *head); /* disk->lock held */
void inject_bind(struct block_device *dev);         /* a device has appeared */
void inject_report(void);                           /* which were given for devices that do not exist */
/* drivers */
void virtio_blk_init(void);
void ata_init(void);

#endif
