//! Which skills a category of requests asks for (request.md 6.5).

/// Category and the slugs of the skills that help with it.
const SKILLS_OF: [(&str, &[&str]); 13] = [
    ("transportation", &["driving"]),
    ("moving", &["moving", "handyman"]),
    ("childcare", &["childcare"]),
    ("pet_care", &["pet_care"]),
    ("tech_support", &["tech_support", "coding"]),
    ("home_repair", &["home_repair", "handyman", "electrical", "plumbing", "carpentry"]),
    ("gardening", &["gardening"]),
    ("cooking", &["cooking", "baking"]),
    ("tutoring", &["tutoring"]),
    ("language", &["languages"]),
    ("professional_advice", &["career_advice"]),
    ("cleaning", &["cleaning", "organizing"]),
    ("errands", &[]),
];

/// The categories that somebody with these skills helps with.
pub(crate) fn categories_for(slugs: &[String]) -> Vec<String> {
    let fits = |skills: &[&str]| skills.iter().any(|it| slugs.iter().any(|slug| slug == it));
    SKILLS_OF.iter().filter(|(_, skills)| fits(skills)).map(|(category, _)| (*category).to_owned()).collect()
}

/// Share of the skills that a category asks for which are there, 0-100; 100 when it asks for none.
pub(crate) fn part(category: &str, slugs: &[String]) -> f64 {
    let asked = SKILLS_OF.iter().find(|(name, _)| *name == category).map_or(&[][..], |(_, skills)| skills);
    if asked.is_empty() {
        return 100.0;
    }
    let count = |it: usize| f64::from(u32::try_from(it).unwrap_or(u32::MAX));
    let met = asked.iter().filter(|skill| slugs.iter().any(|slug| slug.contains(**skill))).count();
    count(met) / count(asked.len()) * 100.0
}

#[cfg(test)]
mod tests {
    use super::{categories_for, part};

    #[test]
    fn a_handyman_helps_with_moving_and_repairs() {
        let slugs = ["handyman".to_owned()];
        assert_eq!(categories_for(&slugs), ["moving", "home_repair"]);
        assert_eq!(part("moving", &slugs), 50.0);
        assert_eq!(part("home_repair", &slugs), 20.0);
        assert_eq!(part("gardening", &slugs), 0.0);
        assert_eq!(part("other", &slugs), 100.0);
    }
}
