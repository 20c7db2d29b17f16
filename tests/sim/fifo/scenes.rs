//! Lives of FIFO queues made by hand.
