//! The real hera-worker, driven by a scripted admin.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod cancelling;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fencing;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod many;
#[cfg(test)]
mod orphans;
#[cfg(test)]
mod restarting;
#[cfg(test)]
mod running;
#[cfg(test)]
mod sudo;
#[cfg(test)]
mod tenants;
#[cfg(test)]
mod worker;
