//! Which steps are possible, and what each does, by who takes it.

mod actor;
mod consumer;
mod lane;
mod outside;

use crate::step::Step;
use crate::world::{World, WriteSide};

/// Lists every step that is possible.
pub(crate) fn offer(model: &WriteSide, world: &World, steps: &mut Vec<Step>) {
    for instance in 0..model.bounds.instances {
        actor::offer(model, world, instance, steps);
        consumer::offer(world, instance, steps);
        lane::offer(model, world, instance, steps);
        outside::offer_instance(world, instance, steps);
    }
    outside::offer(world, steps);
}

/// Takes a step that is possible.
pub(crate) fn take(model: &WriteSide, world: &mut World, step: Step) {
    match step {
        Step::Ask(command, it) => actor::ask(world, command, it),
        Step::HandOver(it) => actor::hand_over(model, world, it),
        Step::Land(it) => actor::land(model, world, it),
        Step::Hear(it) => actor::hear(model, world, it),
        Step::LetGo(it) => actor::let_go(world, it),
        Step::FencePredecessor(_) => actor::fence_predecessor(world),
        Step::ReadEnd(it, load) => actor::read_end(model, world, it, load),
        Step::Serve(it, load) => actor::serve(model, world, it, load),
        Step::Begin(it, lane) => lane::begin(model, world, it, lane),
        Step::Deliver(it, lane) => lane::deliver(model, world, it, lane),
        Step::Undelivered(it, lane) => lane::undelivered(world, it, lane),
        Step::WaitedTooLong(it, lane) => lane::waited_too_long(model, world, it, lane),
        Step::TakeGeneration(it, lane) => lane::take_generation(model, world, it, lane),
        Step::LookUpLosses(it, lane) => lane::look_up_losses(model, world, it, lane),
        Step::FenceArrives(it, lane) => lane::fence_arrives(model, world, it, lane),
        Step::Retry(it, lane) => lane::retry(model, world, it, lane),
        Step::GiveUp(it, lane) => lane::give_up(world, it, lane),
        Step::CommitArrives(it, lane) => lane::commit_arrives(world, it, lane),
        Step::CommitUnanswered(it, lane) => lane::commit_unanswered(world, it, lane),
        Step::CommitLate(it, lane) => lane::commit_late(world, it, lane),
        Step::ArriveLate(late) => outside::arrive_late(world, late),
        Step::Move => outside::ask_back(world),
        Step::Assign(to) => outside::assign(world, to),
        Step::Expire(it) => outside::expire(world, it),
        Step::Learn(it) => consumer::learn(world, it),
        Step::Tell(it) => consumer::tell(world, it),
        Step::NoticeLoss(it) => consumer::notice_loss(world, it),
        Step::Overdue(it) => consumer::overdue(world, it),
        Step::Rejoin(it) => consumer::rejoin(world, it),
        Step::Mark(transaction) => outside::mark(world, transaction),
        Step::TimeOut(transaction) => outside::time_out(world, transaction),
        Step::Leave(it) => consumer::leave(world, it),
        Step::Join(it) => outside::join(world, it),
        Step::Crash(it) => outside::crash(world, it),
    }
}
